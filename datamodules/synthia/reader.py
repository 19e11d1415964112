"""The files of SYNTHIA-RAND-CITYSCAPES, read picture by picture."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from datamodules.disk.agreement import same_size
from datamodules.disk.images import read_rgb, read_rgb16
from datamodules.disk.listing import matches
from datamodules.disk.names import read_names
from datamodules.disk.values import classes_of, known_depth
from datamodules.transforms import Sample

STORED = Path(__file__).parent / "splits.txt"

ROOT = "RAND_CITYSCAPES"
IMAGES = "RGB"
IMAGE = re.compile(r"(\d{7})\.png")
FOLDERS: Mapping[str, str] = {"segmentation": "GT/LABELS", "depth": "Depth"}

# Of the video sequences of SYNTHIA, for images of 1280 x 760 pixels; this subset ships none.
CAMERA = (532.740352, 532.740352, 640.0, 380.0)
CAMERA_SIZE = (760, 1280)
CODES_PER_METRE = 100


class Picture(NamedTuple):
    """One image; its number is its name."""

    name: str


@dataclass(frozen=True, eq=False)
class SynthiaReader:
    """Reads the files of one picture.

    Attributes:
        folder: `RAND_CITYSCAPES`.
        table: From class ids to train ids.
        depth_range: Depth outside these metres is unknown.
    """

    folder: Path
    table: UInt8[np.ndarray, " ids"]
    depth_range: tuple[float, float]

    def __call__(self, picture: Picture, tasks: Sequence[str]) -> Sample:
        image = read_rgb(self._file(picture, IMAGES))
        shipped = {"segmentation": self._segmentation, "depth": self._depth}
        sample: Sample = {"image": image, "name": picture.name}
        sample["camera"] = camera_at(image.shape[:2])
        for task in tasks:
            file = self._file(picture, FOLDERS[task])
            sample[task] = same_size(picture.name, image, task, file, shipped[task](file))
        return sample

    def _segmentation(self, file: Path) -> UInt8[np.ndarray, "height width"]:
        return classes_of(file, read_rgb16(file)[..., 0], self.table, " in red")

    def _depth(self, file: Path) -> Float32[np.ndarray, "height width"]:
        codes = read_rgb16(file)[..., 0]
        metres = codes.astype(np.float32) / np.float32(CODES_PER_METRE)
        return known_depth(metres, self.depth_range)

    def _file(self, picture: Picture, folder: str) -> Path:
        return self.folder / folder / f"{picture.name}.png"


def camera_at(size: tuple[int, int]) -> Float32[np.ndarray, "4"]:
    """The camera of images of that height and width, if they show the whole view."""
    down, along = size[0] / CAMERA_SIZE[0], size[1] / CAMERA_SIZE[1]
    return np.array(CAMERA, np.float32) * np.array([along, down, along, down], np.float32)


def pictures(folder: Path, split: str) -> list[Picture]:
    """The pictures of a split that a folder has a file of."""
    present = {match[1] for match in matches(folder, IMAGE)}
    return [Picture(name) for name in stored_numbers(split) if name in present]


@cache
def stored_numbers(split: str) -> tuple[str, ...]:
    """The names of a split's images, from the stored list of blocks."""
    blocks = (line.split() for line in read_names(STORED))
    return tuple(
        f"{number:07d}"
        for first, last, name in blocks
        if name == split
        for number in range(int(first), int(last) + 1)
    )
