"""The files of Taskonomy, read view by view."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float32, UInt8

from datamodules.disk.agreement import same_size
from datamodules.disk.images import read_grey8, read_grey16, read_rgb, unreadable
from datamodules.disk.listing import matches
from datamodules.disk.spelling import spelled
from datamodules.disk.values import classes_of, decoded_normals, known_depth, read_json
from datamodules.taskonomy.classes import TRAIN_IDS
from datamodules.transforms import Sample

Depth: TypeAlias = Float32[np.ndarray, "height width"]

# The first half of a file's name; the ending says of which domain it is.
VIEW = r"point_(0|[1-9]\d*)_view_(0|[1-9]\d*)_domain_"
IMAGE = ("rgb", "rgb.png")
# The domain of each task, and how its files end: one of them spells it otherwise than its folder.
DOMAINS: dict[str, tuple[str, str]] = {
    "segmentation": ("segment_semantic", "segmentsemantic.png"),
    "depth": ("depth_zbuffer", "depth_zbuffer.png"),
    "normals": ("normal", "normal.png"),
    "edges": ("edge_texture", "edge_texture.png"),
}
CAMERA_DOMAIN = "point_info"
CAMERA_TASK = "normals"  # with which it is given
# The archives and the download tool name the same files differently.
CAMERA_SUFFIXES = ("point_info", "fixatedpose")

CODES_PER_METRE = 512
NO_DEPTH = 65535
LARGEST_CODE = 65535
# Normals have length 1 but for rounding; (128, 128, 128), which means none, has 0.007.
SHORTEST_NORMAL = 0.5
# Taskonomy divides what Sobel answers by 4√2; `sobel_edges` by the answer to a step from black to
# white. With a Gaussian of 3 pixels, whose tallest taps are 0.132985 and 0.125798, such a step is
# 4 · (0.132985 + 0.125798) / (4√2) there, and 1 here.
STEP_EDGE = 0.182987
"""`edge_texture` / 65535 of a step from black to white, which is 1 in samples."""


class View(NamedTuple):
    """One image: a point of a building, seen from one of the places that see it."""

    building: str
    point: int
    view: int

    @property
    def name(self) -> str:
        return f"{self.building}_point_{self.point}_view_{self.view}"


@dataclass(frozen=True)
class TaskonomyReader:
    """Reads the files of one view.

    Attributes:
        root: Folder of the dataset.
        pattern: Where a building's files of one domain lie below it.
        depth_range: Depth outside these metres is unknown.
        camera: Whether the camera comes with the normals.
    """

    root: Path
    pattern: str
    depth_range: tuple[float, float]
    camera: bool

    camera_with: ClassVar[str] = CAMERA_TASK
    """The task with which the camera is given."""
    domains: ClassVar[Mapping[str, tuple[str, str]]] = DOMAINS
    """What each task is read from."""

    def __call__(self, view: View, tasks: Sequence[str]) -> Sample:
        image = read_rgb(self._file(view, *IMAGE))
        sample: Sample = {"image": image, "name": view.name}
        if self.camera and CAMERA_TASK in tasks:
            sample["camera"] = self._camera(view, *image.shape[:2])
        shipped: Mapping[str, Callable[[Path], np.ndarray]] = {
            "segmentation": self._segmentation,
            "depth": partial(self._depth, view),
            "normals": self._normals,
            "edges": self._edges,
        }
        for task in tasks:
            file = self._file(view, *self.domains[task])
            sample[task] = same_size(view.name, image, task, file, shipped[task](file))
        return sample

    def _segmentation(self, file: Path) -> UInt8[np.ndarray, "height width"]:
        return classes_of(file, read_grey8(file), TRAIN_IDS)

    def _depth(self, view: View, file: Path) -> Depth:
        codes = read_grey16(file)
        metres = self._along_axis(view, codes.astype(np.float32) / np.float32(CODES_PER_METRE))
        return known_depth(metres, self.depth_range, unknown=codes == NO_DEPTH)

    def _along_axis(self, view: View, metres: Depth) -> Depth:
        """Depth along the optical axis, of which `depth_zbuffer` is already."""
        return metres

    def _normals(self, file: Path) -> Float32[np.ndarray, "height width 3"]:
        normals = decoded_normals(read_rgb(file))
        length = np.sqrt(np.einsum("hwc,hwc->hw", normals, normals))[..., None]
        return np.where(length < SHORTEST_NORMAL, np.float32(np.nan), normals / length)

    def _edges(self, file: Path) -> Float32[np.ndarray, "height width"]:
        codes = read_grey16(file)
        return np.minimum(codes.astype(np.float32) / np.float32(LARGEST_CODE * STEP_EDGE), 1)

    def _camera(self, view: View, height: int, width: int) -> Float32[np.ndarray, " 4"]:
        files = [self._file(view, CAMERA_DOMAIN, f"{suffix}.json") for suffix in CAMERA_SUFFIXES]
        file = next((file for file in files if spelled(file).exists()), files[0])
        focal = width / 2 / math.tan(field_of_view(file) / 2)
        return np.array([focal, focal, width / 2, height / 2], np.float32)

    def _file(self, view: View, domain: str, suffix: str) -> Path:
        folder = self.root / self.pattern.format(domain=domain, building=view.building)
        return view_file(folder, view, suffix)


def view_file(folder: Path, view: View, suffix: str) -> Path:
    """The file of a view in the folder of a domain, whose files end so."""
    return folder / f"point_{view.point}_view_{view.view}_domain_{suffix}"


@dataclass(frozen=True)
class EuclideanTaskonomyReader(TaskonomyReader):
    """Reads depth from the distance to the optical centre and the field of view."""

    domains: ClassVar[Mapping[str, tuple[str, str]]] = DOMAINS | {
        "depth": ("depth_euclidean", "depth_euclidean.png")
    }

    def _along_axis(self, view: View, metres: Depth) -> Depth:
        height, width = metres.shape
        return metres / ray_lengths(self._camera(view, height, width), height, width)


def ray_lengths(camera: Float32[np.ndarray, " 4"], height: int, width: int) -> Depth:
    """Length of each pixel's ray (x, y, 1): by how much distance exceeds depth."""
    focal_x, focal_y, centre_x, centre_y = camera
    along = (np.arange(width, dtype=np.float32) + np.float32(0.5) - centre_x) / focal_x
    down = (np.arange(height, dtype=np.float32) + np.float32(0.5) - centre_y) / focal_y
    return np.sqrt(1 + along**2 + down[:, None] ** 2)


READERS: Mapping[str, type[TaskonomyReader]] = {
    "zbuffer": TaskonomyReader,
    "euclidean": EuclideanTaskonomyReader,
}
"""By the domain that depth is read from."""


def views(folder: Path, building: str, ending: str = IMAGE[1]) -> list[View]:
    """The views whose images, or labels, are in a folder, ordered by point and view."""
    names = matches(folder, re.compile(VIEW + re.escape(ending)))
    return sorted(View(building, int(name[1]), int(name[2])) for name in names)


def field_of_view(file: Path) -> float:
    """The field of view in radians, the same in both directions, that a `point_info` file gives.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableFileError: It is no JSON, or holds no angle between 0 and π.
    """
    what = "a view's camera, as `point_info` is unpacked for every building"
    key = "field_of_view_rads"
    angle = read_json(file, what, f"the key `{key}`", itemgetter(key))
    if not (isinstance(angle, float | int) and 0 < angle < math.pi):
        raise unreadable(file, f"hold a `{key}` between 0 and π", repr(angle))
    return angle
