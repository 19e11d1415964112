"""The files of one image in folders of one's own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int16, UInt8

from datamodules.disk.agreement import same_size
from datamodules.disk.images import (
    UnreadableFileError,
    read_grey,
    read_grey16,
    read_ids,
    read_rgb,
    unreadable,
)
from datamodules.disk.photos import read_photo
from datamodules.disk.spelling import spelled
from datamodules.disk.values import decoded_normals, known_depth, read_npy, unit_normals
from datamodules.folders.classes import UNKNOWN_ID
from datamodules.folders.tree import SUFFIXES, Picture, image_file, label_file
from datamodules.transforms import Sample

FEW = 5
REWRITE = "Write it again in that form"


class ImageOfCamera(NamedTuple):
    """A file, and its height and width upright."""

    file: Path
    size: tuple[int, int]


def image_of_camera(root: Path, some: Iterable[Picture]) -> ImageOfCamera | None:
    """The first of the images that can be read."""
    for picture in some:
        file = image_file(root, picture)
        try:
            height, width = read_photo(file).shape[:2]
        except (OSError, UnreadableFileError):  # said when that sample is read
            continue
        return ImageOfCamera(file, (height, width))
    return None


@dataclass(frozen=True, eq=False)
class FoldersReader:
    """Reads the files of one image.

    Attributes:
        root: Folder that holds the splits.
        table: From class ids to train ids.
        camera: fx, fy, cx, cy in pixels of every image, where it is known.
        camera_image: An image of that camera: all have to be of its size.
        depth_unit: Metres of one step of depth in a PNG.
        depth_range: Depth outside these metres is unknown.
        normals_axes: Signs that turn stored normals into x right, y down, z into the scene.
    """

    root: Path
    table: Int16[np.ndarray, "65536"]
    camera: tuple[float, float, float, float] | None
    camera_image: ImageOfCamera | None
    depth_unit: float
    depth_range: tuple[float, float]
    normals_axes: tuple[int, int, int]

    def __call__(self, picture: Picture, tasks: Sequence[str]) -> Sample:
        file = image_file(self.root, picture)
        image = read_photo(file)
        sample: Sample = {"image": image, "name": picture.name}
        if self.camera is not None:
            sample["camera"] = self._camera(file, *image.shape[:2])
        readers: Mapping[str, Callable[[Path], np.ndarray]] = {
            "segmentation": self._segmentation,
            "depth": self._depth,
            "normals": self._normals,
            "edges": read_shares,
        }
        for task in tasks:
            label = self._file(picture, task)
            sample[task] = same_size(picture.name, image, task, label, readers[task](label))
        return sample

    def _segmentation(self, file: Path) -> UInt8[np.ndarray, "height width"]:
        ids = read_ids(file, REWRITE)
        classes = self.table[ids]
        unknown = classes == UNKNOWN_ID
        if unknown.any():
            some = ", ".join(map(str, np.unique(ids[unknown])[:FEW]))
            expected, found = (
                "hold ids of `classes` or of `ignore`",
                f"{some} in {unknown.sum()} pixels",
            )
            raise unreadable(file, expected, found, "Add the id to one of them")
        return classes.astype(np.uint8)

    def _depth(self, file: Path) -> Float32[np.ndarray, "height width"]:
        if file.suffix.lower() == ".png":
            metres = read_grey16(file, REWRITE) * np.float32(self.depth_unit)
        else:
            metres = _floats(file, "metres", read_npy(file, 2, remedy=REWRITE))
        if (metres < 0).any():
            found = f"{(metres < 0).sum()} negative values"
            expected = "hold metres, 0 or NaN where unknown"
            raise unreadable(file, expected, found, "Write it again so")
        return known_depth(metres, self.depth_range)

    def _normals(self, file: Path) -> Float32[np.ndarray, "height width 3"]:
        if file.suffix.lower() == ".png":
            codes = read_rgb(file, REWRITE)
            stored = decoded_normals(codes)
            stored[(codes == 0).all(axis=-1)] = 0
        else:
            stored = _floats(file, "unit normals", read_npy(file, 3, 3, REWRITE))
            stored[np.isnan(stored).any(axis=-1)] = 0
        return unit_normals(file, stored, self.normals_axes, REWRITE)

    def _camera(self, file: Path, height: int, width: int) -> Float32[np.ndarray, " 4"]:
        camera = np.array(self.camera, np.float32)
        if np.any(np.abs(camera[2:] / (width, height) - 0.5) > 0.25):
            raise UnreadableFileError(
                f"`camera` should be that of every image, found the principal point"
                f" ({camera[2]:g}, {camera[3]:g}) far from the middle of the {width} x {height}"
                f" pixels of `{file}`. Give it in pixels of the images as they are on disk, or keep"
                " images of other cameras in folders of their own."
            )
        if self.camera_image is not None and self.camera_image.size != (height, width):
            other, size = self.camera_image
            raise UnreadableFileError(
                f"`camera` should be that of every image, so that all have one size, found"
                f" {width} x {height} pixels in `{file}` and {size[1]} x {size[0]} in `{other}`."
                " Bring the images and labels to one size, or keep those of another in folders of"
                " their own, with their own `camera`."
            )
        return camera

    def _file(self, picture: Picture, task: str) -> Path:
        files = [label_file(self.root, picture.name, task, suffix) for suffix in SUFFIXES[task]]
        there = [each for file in files if (each := spelled(file)).is_file()]
        if not there:
            others = "".join(f" or `{file.name}`" for file in files[1:])
            raise FileNotFoundError(
                f"`{files[0]}`{others} does not exist; expected `{task}` of the image"
                f" `{picture.name}`. Add it, leave `{task}` out of `tasks`, or put the sample on a"
                " skip list, which `lightning check --write-skip-list` writes."
            )
        if len(there) > 1:
            raise ValueError(
                f"`{task}` of `{picture.name}` should be in one file, found `{there[0]}` and"
                f" `{there[1].name}`. Remove one of them."
            )
        return there[0]


def read_shares(file: Path) -> Float32[np.ndarray, "height width"]:
    """Read values in [0, 1] from a grey PNG of 8 or 16 bits."""
    codes = read_grey(file, REWRITE)
    return codes / np.float32(np.iinfo(codes.dtype).max)


def _floats(file: Path, what: str, stored: np.ndarray) -> np.ndarray:
    if stored.dtype.kind != "f":
        raise unreadable(file, f"hold {what} as floats", f"{stored.dtype}", "Write it again so")
    return stored.astype(np.float32)
