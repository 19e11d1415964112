"""The files of Cityscapes, read image by image."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from datamodules.cityscapes.classes import CITYSCAPES_IDS
from datamodules.disk.agreement import check_fit, same_size
from datamodules.disk.images import read_grey8, read_grey16, read_rgb, unreadable
from datamodules.disk.listing import matches
from datamodules.disk.values import known_depth, read_json
from datamodules.transforms import Sample

IMAGES, CAMERAS, COARSE = "leftImg8bit", "camera", "gtCoarse"
EXTRA = "train_extra"
"""The folder of the images that have coarse labels only."""
# What each task is read from, its label first, and the endings of the files.
KINDS: dict[str, tuple[str, ...]] = {"segmentation": ("gtFine",), "depth": ("disparity", CAMERAS)}
ENDINGS: Mapping[str, str] = {
    IMAGES: "leftImg8bit.png",
    "gtFine": "gtFine_labelIds.png",
    COARSE: "gtCoarse_labelIds.png",
    "disparity": "disparity.png",
    CAMERAS: "camera.json",
}
NAME = r"([a-z-]+_\d{6}_\d{6})_"
# License plates have the id -1, which is 255 in eight bits.
LICENSE_PLATE = 255

# Disparity in pixels is (code - 1) / 256; 0 is unknown, and 1 infinitely far.
CODES_PER_PIXEL = 256
CODES = 2**16


class Snapshot(NamedTuple):
    """One labelled image."""

    folder: str
    city: str
    name: str


@dataclass(frozen=True, eq=False)
class CityscapesReader:
    """Reads the files of one snapshot.

    Attributes:
        places: Folder of each kind of file that is there.
        table: From label ids to train ids.
        depth_range: Depth outside these metres is unknown.
    """

    places: Mapping[str, Path]
    table: UInt8[np.ndarray, "256"]
    depth_range: tuple[float, float]

    kinds: ClassVar[Mapping[str, tuple[str, ...]]] = KINDS
    """What each task is read from, its label first."""
    splits: ClassVar[tuple[str, ...]] = ("train", "val", "test")
    """The folders whose images this reads."""
    camera_with: ClassVar[str] = "depth"
    """The task with which the camera is given."""
    archives: ClassVar[str] = "trainvaltest"
    """How the archives of these folders end."""

    def __call__(self, shot: Snapshot, tasks: Sequence[str]) -> Sample:
        sample: Sample = {"image": read_rgb(self.file(shot, IMAGES)), "name": shot.name}
        shipped = {"segmentation": self._segmentation, "depth": self._depth}
        if "depth" in tasks:
            image, file = self.file(shot, IMAGES), self.file(shot, CAMERAS)
            sample["camera"] = np.array(read_camera(file)[:4], np.float32)
            check_fit(image, sample["image"], file, sample["camera"][2:])
        for task in tasks:
            file = self.file(shot, self.kinds[task][0])
            label = shipped[task](shot, file)
            sample[task] = same_size(shot.name, sample["image"], task, file, label)
        return sample

    def _segmentation(self, shot: Snapshot, file: Path) -> UInt8[np.ndarray, "height width"]:
        ids = read_grey8(file)
        highest = max(CITYSCAPES_IDS)
        wrong = (ids > highest) & (ids != LICENSE_PLATE)
        if wrong.any():
            raise unreadable(file, f"hold the label ids 0 to {highest}", f"{ids[wrong].max()}")
        return cv2.LUT(ids, self.table)

    def _depth(self, shot: Snapshot, file: Path) -> Float32[np.ndarray, "height width"]:
        codes = read_grey16(file)
        camera = read_camera(self.file(shot, CAMERAS))
        disparity = (np.arange(CODES) - 1) / CODES_PER_PIXEL
        with np.errstate(divide="ignore"):
            metres = camera.baseline * camera.focal_x / disparity
        # By code, not by pixel: there are fewer codes.
        return known_depth(metres, self.depth_range, disparity <= 0)[codes]

    def files(self, shot: Snapshot, task: str) -> list[Path]:
        """What a task of this snapshot is read from, its label first."""
        return [self.file(shot, kind) for kind in self.kinds[task]]

    def file(self, shot: Snapshot, kind: str) -> Path:
        return self.places[kind] / shot.folder / shot.city / f"{shot.name}_{ENDINGS[kind]}"


@dataclass(frozen=True, eq=False)
class ExtraReader(CityscapesReader):
    """Reads the files of one snapshot of `train_extra`, with its coarse labels."""

    kinds: ClassVar[Mapping[str, tuple[str, ...]]] = KINDS | {"segmentation": (COARSE,)}
    splits: ClassVar[tuple[str, ...]] = (EXTRA,)
    archives: ClassVar[str] = "trainextra"


@dataclass(frozen=True, eq=False)
class EitherReader:
    """Reads the files of one snapshot with fine or with coarse labels, whichever it has."""

    fine: CityscapesReader
    extra: CityscapesReader

    camera_with: ClassVar[str] = CityscapesReader.camera_with

    def __call__(self, shot: Snapshot, tasks: Sequence[str]) -> Sample:
        return self._of(shot)(shot, tasks)

    def files(self, shot: Snapshot, task: str) -> list[Path]:
        return self._of(shot).files(shot, task)

    def _of(self, shot: Snapshot) -> CityscapesReader:
        return self.extra if shot.folder in self.extra.splits else self.fine


class Camera(NamedTuple):
    """The calibration of one recording: pixels, and metres between the two cameras."""

    focal_x: float
    focal_y: float
    centre_x: float
    centre_y: float
    baseline: float


def snapshots(place: Path, folder: str, kind: str) -> list[Snapshot]:
    """What has a file of a kind in the cities of a split, in the order of city and name."""
    pattern = re.compile(NAME + re.escape(ENDINGS[kind]))
    split = place / folder
    cities = filter(Path.is_dir, split.iterdir()) if split.is_dir() else ()
    return sorted(
        Snapshot(folder, city.name, name[1]) for city in cities for name in matches(city, pattern)
    )


def read_camera(file: Path) -> Camera:
    """Read a `camera.json`.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableFileError: It is no JSON, or lacks a number.
    """
    camera = read_json(file, "the calibration of its image", "fx, fy, u0, v0 and baseline", _camera)
    numbers = [each for each in camera if type(each) in (int, float) and isfinite(each)]
    if len(numbers) < len(camera) or min(numbers) <= 0:
        raise unreadable(file, "hold positive numbers", str(camera))
    return camera


def _camera(content: Any) -> Camera:
    inside, outside = content["intrinsic"], content["extrinsic"]
    centre = inside["u0"], inside["v0"]
    return Camera(inside["fx"], inside["fy"], *centre, outside["baseline"])
