"""The files of PASCAL-Context's multi-task variant, read photo by photo."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

from datamodules.disk.agreement import same_size
from datamodules.disk.images import UNPACK, read_grey8, read_rgb, unreadable
from datamodules.disk.spelling import spelled
from datamodules.disk.values import decoded_normals, unit_normals
from datamodules.folders.reader import read_ids
from datamodules.labels import IGNORE
from datamodules.pascal_context.boundaries import boundaries
from datamodules.pascal_context.classes import HAS_NORMALS, PASCAL_21
from datamodules.pascal_context.matlab import read_parts, read_regions
from datamodules.transforms import Sample

IMAGES = "JPEGImages"
REGIONS = "pascal-context/trainval"
NORMALS = "normals_distill"
BY_PEOPLE, DERIVED = "semseg/VOC12", "semseg/pascal-context"
"""Where the classes lie; what people labelled comes first."""

SUFFIXES: Mapping[str, str] = {
    IMAGES: ".jpg",
    BY_PEOPLE: ".png",
    DERIVED: ".png",
    REGIONS: ".mat",
    "human_parts": ".mat",
    NORMALS: ".png",
    "sal_distill": ".png",
}
"""The folders, and how the names of the files in them end."""
KINDS: Mapping[str, tuple[str, ...]] = {
    "human_parts": ("human_parts",),
    "saliency": ("sal_distill",),
    "normals": (NORMALS, REGIONS),
    "edges": (REGIONS,),
}
"""The folders that each task is read from, beside `segmentation`, which has two to choose from."""

HALF = 127
"""Grey above it is salient."""
GREY = 2 / 255
"""Mid-grey, 127 or 128, which means no normal, is at most so far from 0 in each component."""


class Photo(NamedTuple):
    """One photo, by the id that PASCAL VOC gave it."""

    name: str


@dataclass(frozen=True)
class PASCALContextReader:
    """Reads the files of one photo.

    Attributes:
        root: The folder that holds `JPEGImages`.
        normals_axes: Signs that turn stored normals into x right, y down, z into the scene.
    """

    root: Path
    normals_axes: tuple[int, int, int]

    def __call__(self, photo: Photo, tasks: Sequence[str]) -> Sample:
        image = read_rgb(self.file(photo, IMAGES))
        sample: Sample = {"image": image, "name": photo.name}
        regions = cache(lambda: self._regions(photo, image))  # for normals and edges, read once
        readers: Mapping[str, Callable[[Path], np.ndarray]] = {
            "segmentation": read_classes,
            "human_parts": lambda file: read_parts(file, image.shape[:2]),
            "saliency": lambda file: (read_grey8(file) > HALF).astype(np.float32),
            "normals": lambda file: self._normals(photo, image, file, regions()),
            "edges": lambda file: boundaries(regions()),
        }
        for task in tasks:
            file = self.files(photo, task)[0]
            sample[task] = same_size(photo.name, image, task, file, readers[task](file))
        return sample

    def _regions(self, photo: Photo, image: np.ndarray) -> UInt16[np.ndarray, "height width"]:
        file = self.file(photo, REGIONS)
        return same_size(photo.name, image, "LabelMap", file, read_regions(file))

    def _normals(
        self,
        photo: Photo,
        image: np.ndarray,
        file: Path,
        regions: UInt16[np.ndarray, "height width"],
    ) -> Float32[np.ndarray, "height width 3"]:
        stored = same_size(photo.name, image, "normals", file, decoded_normals(read_rgb(file)))
        length = np.sqrt(np.einsum("...c,...c->...", stored, stored))
        # A network's output, whose length means nothing.
        known = HAS_NORMALS[regions] & (np.abs(stored) > GREY).any(axis=-1)
        stored /= np.where(known, length, np.float32(1))[..., None]
        stored[~known] = 0
        return unit_normals(file, stored, self.normals_axes)

    def files(self, photo: Photo, task: str) -> list[Path]:
        """What a task of this photo is read from, its label first."""
        if task == "segmentation":
            by_people, derived = self.file(photo, BY_PEOPLE), self.file(photo, DERIVED)
            only_derived = spelled(derived).is_file() and not spelled(by_people).is_file()
            return [derived if only_derived else by_people]
        return [self.file(photo, kind) for kind in KINDS[task]]

    def file(self, photo: Photo, kind: str) -> Path:
        return self.root / kind / f"{photo.name}{SUFFIXES[kind]}"


def read_classes(file: Path) -> UInt8[np.ndarray, "height width"]:
    """Read a grey PNG of ids, or the numbers in one with a palette: 0 to 20, and 255 for void."""
    if not spelled(file).is_file():
        raise FileNotFoundError(
            f"`{file}` does not exist, nor a file of that name in `{DERIVED}`; expected the"
            f" classes of its photo in one of them. {UNPACK}, or put the sample on a skip list."
        )
    ids = read_ids(spelled(file))
    wrong = (ids >= len(PASCAL_21.names)) & (ids != IGNORE)
    if ids.dtype != np.uint8 or wrong.any():
        found = f"{ids[wrong].max()}" if wrong.any() else f"{ids.dtype}"
        expected = f"hold 8-bit class ids up to {len(PASCAL_21.names) - 1}, or {IGNORE} for void"
        raise unreadable(file, expected, found)
    return ids
