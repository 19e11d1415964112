"""The files of Virtual KITTI 2, read frame by frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from datamodules.disk.agreement import check_fit, same_size
from datamodules.disk.images import read_grey16, read_rgb, unreadable
from datamodules.disk.spelling import read_text
from datamodules.disk.values import known_depth
from datamodules.transforms import Sample
from datamodules.vkitti2.classes import COLOURS, UNKNOWN_COLOUR, ids_of_colours

CODES_PER_METRE = 100
SKY = 65535
IMAGE, DEPTH, CLASSES = "rgb_{:05d}.jpg", "depth_{:05d}.png", "classgt_{:05d}.png"

INTRINSICS = ("frame", "cameraID", "K[0,0]", "K[1,1]", "K[0,2]", "K[1,2]")
"""Columns of `intrinsic.txt`; the last four are the camera's."""


class Frame(NamedTuple):
    """One image of one camera."""

    scene: str
    variation: str
    camera: int
    number: int

    @property
    def name(self) -> str:
        return f"{self.scene}_{self.variation}_Camera_{self.camera}_{self.number:05d}"


class Place(NamedTuple):
    """Where the files of one kind are.

    Attributes:
        base: The folder that holds the scenes.
        kind: Name of the folder of the kind, deep below it.
    """

    base: Path
    kind: str

    def kind_folder(self, scene: str, variation: str) -> Path:
        return self.base / scene / variation / "frames" / self.kind

    def folder(self, scene: str, variation: str, camera: int) -> Path:
        return self.kind_folder(scene, variation) / f"Camera_{camera}"

    def file(self, frame: Frame, pattern: str) -> Path:
        folder = self.folder(frame.scene, frame.variation, frame.camera)
        return folder / pattern.format(frame.number)


@dataclass(frozen=True)
class VKITTI2Reader:
    """Reads the files of one frame.

    Attributes:
        images: Place of the images.
        depths: Place of the depth maps.
        classes: Place of the class maps.
        texts: The folder that holds the scenes with their `intrinsic.txt`; None for no camera.
        train_ids: Train id of each class of `COLOURS`.
        depth_range: Depth outside these metres is unknown.
    """

    images: Place
    depths: Place
    classes: Place
    texts: Path | None
    train_ids: tuple[int, ...]
    depth_range: tuple[float, float]

    def __call__(self, frame: Frame, tasks: Sequence[str]) -> Sample:
        image = read_rgb(self.images.file(frame, IMAGE))
        sample: Sample = {"image": image, "name": frame.name}
        if self.texts is not None:
            file = text_file(self.texts, frame.scene, frame.variation)
            sample["camera"] = camera(file, frame.number, frame.camera)
            if "depth" in tasks:
                check_fit(self.images.file(frame, IMAGE), image, file, sample["camera"][2:])
        shipped: Mapping[str, tuple[Path, Callable[[Path], np.ndarray]]] = {
            "segmentation": (self.classes.file(frame, CLASSES), self._segmentation),
            "depth": (self.depths.file(frame, DEPTH), self._depth),
        }
        for task in tasks:
            file, read = shipped[task]
            sample[task] = same_size(frame.name, image, task, file, read(file))
        return sample

    def _segmentation(self, file: Path) -> UInt8[np.ndarray, "height width"]:
        colours = read_rgb(file)
        # A fourth byte turns each colour into one little-endian number, without arithmetic.
        padded = np.zeros((*colours.shape[:2], 4), np.uint8)
        padded[..., :3] = colours
        ids = ids_of_colours(self.train_ids)[padded.view("<u4")[..., 0]]
        unknown = ids == UNKNOWN_COLOUR
        if unknown.any():
            found = f"{colours[unknown][0].tolist()} in {unknown.sum()} pixels"
            raise unreadable(file, f"hold the colours of {len(COLOURS)} classes only", found)
        return ids

    def _depth(self, file: Path) -> Float32[np.ndarray, "height width"]:
        codes = read_grey16(file)
        metres = codes.astype(np.float32) / np.float32(CODES_PER_METRE)
        return known_depth(metres, self.depth_range, unknown=codes == SKY)


def text_file(base: Path, scene: str, variation: str) -> Path:
    """The file with the intrinsic parameters of every frame of a drive."""
    return base / scene / variation / "intrinsic.txt"


def camera(file: Path, frame: int, number: int) -> Float32[np.ndarray, " 4"]:
    """fx, fy, cx, cy of one frame of one camera, (0, 0) at the image's upper left corner.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableFileError: It is not of its form, or has no line for this frame and camera.
    """
    cameras = _cameras(file)
    if (frame, number) not in cameras:
        expected = f"have a line for frame {frame} of camera {number}"
        raise unreadable(file, expected, f"lines for {len(cameras)} others")
    focal_x, focal_y, centre_x, centre_y = cameras[frame, number]
    # The file has 620.5, 187 for images of 1242 x 375: the centre, if the first pixel's is 0.
    return np.array([focal_x, focal_y, centre_x + 0.5, centre_y + 0.5], np.float32)


@cache
def _cameras(file: Path) -> Mapping[tuple[int, int], tuple[float, ...]]:
    """The lines of a file by frame and camera; each process reads a drive's file once."""
    try:
        header, *lines = read_text(file).splitlines() or [""]
    except FileNotFoundError:
        raise FileNotFoundError(
            f"`{file}` does not exist; normals need the camera. Unpack the archive"
            " vkitti_2.0.3_textgt, or leave `normals` out of `tasks`."
        ) from None
    except UnicodeDecodeError as error:
        raise unreadable(file, "be a text file", str(error)) from None
    if tuple(header.split()) != INTRINSICS:
        raise unreadable(file, f"have the columns {' '.join(INTRINSICS)}", f"`{header}`")
    return dict(_parsed(file, line) for line in lines if line.strip())


def _parsed(file: Path, line: str) -> tuple[tuple[int, int], tuple[float, ...]]:
    try:
        frame, number, *values = line.split()
        intrinsics = tuple(float(value) for value in values)
        if len(intrinsics) == 4 and all(0 < value < np.inf for value in intrinsics):
            return (int(frame), int(number)), intrinsics
    except ValueError:
        pass
    raise unreadable(file, "have two integers and four positive numbers a line", f"`{line}`")
