"""Cityscapes: street scenes of 50 cities, seen by a stereo camera in a car."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from datamodules.agreement import check_fit, same_size
from datamodules.derive import NORMALS_FROM_DEPTH, SOBEL_EDGES, Derivation
from datamodules.files import FileDataModule, checked_depth_range
from datamodules.images import UnreadableFileError, read_grey8, read_grey16, read_rgb
from datamodules.label_spaces import CITYSCAPES_IDS, CITYSCAPES_SPACES, find_space
from datamodules.labels import Labels
from datamodules.listing import matches
from datamodules.predictions import PredictionFormat, cityscapes_format
from datamodules.transforms import Sample, Transform

# What each task is read from, its label first, and the endings of the files.
IMAGES, CAMERAS = "leftImg8bit", "camera"
KINDS: Mapping[str, tuple[str, ...]] = {
    "segmentation": ("gtFine",),
    "depth": ("disparity", CAMERAS),
}
ENDINGS: Mapping[str, str] = {
    IMAGES: "leftImg8bit.png",
    "gtFine": "gtFine_labelIds.png",
    "disparity": "disparity.png",
    CAMERAS: "camera.json",
}
NAME = r"([a-z-]+_\d{6}_\d{6})_"
# License plates have the id -1, which is 255 in eight bits.
LICENSE_PLATE = 255

COUNTS: Mapping[str, int] = {"train": 2975, "val": 500, "test": 1525}

# Disparity in pixels is (code - 1) / 256; 0 is unknown, and 1 infinitely far.
CODES_PER_PIXEL = 256
CODES = 2**16


class Snapshot(NamedTuple):
    """One labelled image."""

    folder: str
    city: str
    name: str


class Cityscapes(FileDataModule):
    """Street scenes: segmentation by people, depth from stereo; normals and edges derived.

    - Source: Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding",
      CVPR 2016. Images of 2048 x 1024 pixels from 50 cities, by day in fair weather.
    - Licence: free for non-commercial research, after registration.
    - Splits, by city: train 2975, val 500, test 1525. The labels of the test split are withheld
      (all its pixels are void), so the field reports its numbers on `val`, and so does
      `lightning test` by default. Choose the real test images for predictions to be submitted.
      Frames of `train_extra`, which have coarse labels only, are not read.
    - `segmentation`: the 19 classes of the benchmark, 16 of them (from Synthia), 13, or the 8
      shared with Virtual KITTI 2; all other ids are unknown.
    - `depth`: metres along the optical axis, baseline * fx / disparity, with the calibration of
      each image's own `camera.json`. Semi-global matching: unknown where it found no match, and
      noisy in the sky and on the bonnet of the car. 80 m and less by default.
    - `normals`: from that depth, so as noisy; x right, y down, z into the scene. `edges`: Sobel
      edges of the image. Both at the network's resolution, see `datamodules.derive`.
    - `camera`: fx, fy, cx, cy; given with depth and normals, which need it. Whether the dataset
      counts u0 and v0 from a pixel's corner or centre is not documented; taken to be the corner.
    - Tree, with what is needed for the tasks that are asked for:

          leftImg8bit/<split>/<city>/<city>_<sequence>_<frame>_leftImg8bit.png
          gtFine/<split>/<city>/…_gtFine_labelIds.png      segmentation
          disparity/<split>/<city>/…_disparity.png         depth, normals
          camera/<split>/<city>/…_camera.json              depth, normals

      Each of the four may also lie in the folder of its archive, as in
      `leftImg8bit_trainvaltest/leftImg8bit`.

    Args:
        root: Folder that holds the tree.
        image_size: Height and width of the network's input.
        label_space: One of `cityscapes_19`, `cityscapes_16`, `cityscapes_13`, `vkitti2_8`,
            `vkitti2_8_strict`; that of the data a network was trained on, to evaluate it here.
        depth_range: Depth outside these metres is unknown.
        test_split: `val` or `test`: which images `lightning test` and `predict` read.
        geometry: As in the base, like all that follow.
    """

    derives: ClassVar[Mapping[str, Derivation]] = {
        "normals": NORMALS_FROM_DEPTH,
        "edges": SOBEL_EDGES,
    }
    download: ClassVar[str] = (
        "https://www.cityscapes-dataset.com (leftImg8bit, gtFine, disparity and camera, each as"
        " `_trainvaltest.zip`)"
    )
    stand_in: ClassVar[str] = "cityscapes"

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        label_space: str = "cityscapes_19",
        depth_range: tuple[float, float] = (0.0, 80.0),
        test_split: str = "val",
        geometry: Sequence[Transform] | None = None,
        skip: str | Path | None = None,
        tasks: Sequence[str] | None = None,
        batch_size: int = 16,
        workers: int = 2,
        seed: int = 0,
        augment: Sequence[Transform] | None = None,
        withheld: Sequence[str] = (),
    ) -> None:
        super().__init__(
            root, image_size, geometry, skip, tasks, batch_size, workers, seed, augment, withheld
        )
        if test_split not in ("val", "test"):
            raise ValueError(f"`test_split` should be `val` or `test`, found {test_split!r}.")
        self.label_space = find_space(CITYSCAPES_SPACES, label_space)
        self.depth_range = checked_depth_range(depth_range)
        self.test_split = test_split

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": self.label_space.space.labels}

    @property
    def prediction_format(self) -> PredictionFormat:
        return cityscapes_format(self.label_space)

    def records(self, split: str) -> list[Snapshot]:
        folder = self._folder_of(split)
        images = self._place(IMAGES) / folder
        if not images.is_dir():
            raise self.not_found(f"the folder `{images.relative_to(self.root)}` of images")
        return [shot for city in cities(images) for shot in snapshots(city, folder)]

    def official(self, split: str) -> int:
        return COUNTS[self._folder_of(split)]

    def drawn(self, split: str, counts: Mapping[str, int]) -> int:
        return counts[self._folder_of(split)]

    def unpaired(self, split: str) -> list[Path]:
        folder = self._folder_of(split)
        images = set(self.records(split))
        return [
            city / f"{shot.name}_{ENDINGS[kind]}"
            for kind in (KINDS[task][0] for task in self.reads)
            for city in cities(self._place(kind) / folder)
            for shot in snapshots(city, folder, kind)
            if shot not in images
        ]

    def reader(self) -> "CityscapesReader":
        kinds = [IMAGES, *(kind for task in self.reads for kind in KINDS[task])]
        places = {kind: self._place(kind) for kind in ENDINGS}
        missing = [kind for kind in kinds if not places[kind].is_dir()]
        if missing:
            raise self.not_found(f"the folders {', '.join(f'`{kind}`' for kind in missing)}")
        # With the labels of other tasks the reader is that of a prepared copy of all tasks, which
        # serves each. Not so with cameras: a copy that has them gives them with every task.
        present = {
            kind: place
            for kind, place in places.items()
            if place.is_dir() and (kind != CAMERAS or kind in kinds)
        }
        return CityscapesReader(present, self.label_space.table(CITYSCAPES_IDS), self.depth_range)

    def _folder_of(self, split: str) -> str:
        return self.test_split if split == "test" else split

    def _place(self, kind: str) -> Path:
        """A kind's folder, of its archive or directly in `root`: which has more of the splits."""
        # Of equals it is the first.
        places = self.root / kind, self.root / f"{kind}_trainvaltest" / kind
        return max(places, key=lambda place: sum((place / split).is_dir() for split in COUNTS))


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

    def __call__(self, shot: Snapshot, tasks: Sequence[str]) -> Sample:
        sample: Sample = {"image": read_rgb(self._file(shot, IMAGES)), "name": shot.name}
        shipped: Mapping[str, Callable[[Snapshot, Path], np.ndarray]] = {
            "segmentation": self._segmentation,
            "depth": self._depth,
        }
        if "depth" in tasks:
            image, file = self._file(shot, IMAGES), self._file(shot, CAMERAS)
            sample["camera"] = np.array(read_camera(file)[:4], np.float32)
            check_fit(image, sample["image"], file, sample["camera"][2:])
        for task in tasks:
            file = self._file(shot, KINDS[task][0])
            label = shipped[task](shot, file)
            sample[task] = same_size(shot.name, sample["image"], task, file, label)
        return sample

    def _segmentation(self, shot: Snapshot, file: Path) -> UInt8[np.ndarray, "height width"]:
        ids = read_grey8(file)
        highest = max(CITYSCAPES_IDS)
        wrong = (ids > highest) & (ids != LICENSE_PLATE)
        if wrong.any():
            raise _unreadable(file, f"hold the label ids 0 to {highest}", f"{ids[wrong].max()}")
        return cv2.LUT(ids, self.table)

    def _depth(self, shot: Snapshot, file: Path) -> Float32[np.ndarray, "height width"]:
        codes = read_grey16(file)
        camera = read_camera(self._file(shot, CAMERAS))
        disparity = (np.arange(CODES) - 1) / CODES_PER_PIXEL
        with np.errstate(divide="ignore"):
            metres = camera.baseline * camera.focal_x / disparity
        nearest, farthest = self.depth_range
        metres[(disparity <= 0) | (metres < nearest) | (metres > farthest)] = np.nan
        return metres.astype(np.float32)[codes]

    def _file(self, shot: Snapshot, kind: str) -> Path:
        return self.places[kind] / shot.folder / shot.city / f"{shot.name}_{ENDINGS[kind]}"


class Camera(NamedTuple):
    """The calibration of one recording: pixels, and metres between the two cameras."""

    focal_x: float
    focal_y: float
    centre_x: float
    centre_y: float
    baseline: float


def cities(split: Path) -> list[Path]:
    """The folders in the folder of a split, if there is one, in the order of their names."""
    return sorted(filter(Path.is_dir, split.iterdir())) if split.is_dir() else []


def snapshots(city: Path, folder: str, kind: str = IMAGES) -> list[Snapshot]:
    """The images in a city's folder, or what has labels there, in the order of their names."""
    pattern = re.compile(NAME + re.escape(ENDINGS[kind]))
    return sorted(Snapshot(folder, city.name, name[1]) for name in matches(city, pattern))


def read_camera(file: Path) -> Camera:
    """Read a `camera.json`.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableFileError: It is no JSON, or lacks a number.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        inside, outside = content["intrinsic"], content["extrinsic"]
        centre = inside["u0"], inside["v0"]
        camera = Camera(inside["fx"], inside["fy"], *centre, outside["baseline"])
    except FileNotFoundError:
        raise FileNotFoundError(
            f"`{file}` does not exist; expected the calibration of its image. Unpack"
            " `camera_trainvaltest.zip` again, or put the sample on a skip list."
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise _unreadable(file, "be JSON with fx, fy, u0, v0 and baseline", found) from None
    if not all(map(_is_positive, camera)):
        raise _unreadable(file, "hold positive numbers", str(camera))
    return camera


def _is_positive(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and isfinite(value) and value > 0


def _unreadable(file: Path, expected: str, found: str) -> UnreadableFileError:
    return UnreadableFileError(
        f"`{file}` should {expected}, found {found}."
        " Unpack its archive again, or put the sample on a skip list.",
        file,
    )
