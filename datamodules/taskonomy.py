"""Taskonomy: images of several hundred scanned buildings, with all four tasks shipped."""

import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8
from lightning.pytorch.utilities import rank_zero_info

from datamodules.files import FileDataModule, checked_depth_range
from datamodules.images import UnreadableFileError, read_grey8, read_grey16, read_rgb
from datamodules.label_spaces import TASKONOMY_17
from datamodules.labels import IGNORE, Labels
from datamodules.predictions import PredictionFormat, taskonomy_format
from datamodules.taskonomy_buildings import EXCLUDED, buildings_of, read_buildings
from datamodules.taskonomy_codes import STEP_EDGE
from datamodules.transforms import Sample, Transform

# Where a building's files of one domain lie, by the name of the layout.
LAYOUTS: Mapping[str, str] = {
    "omnitools": "{domain}/taskonomy/{building}",
    "flat": "{domain}/{building}",
    "tar": "{building}_{domain}/{domain}",
    "old": "{building}/{domain}",
}

RGB = re.compile(r"point_(0|[1-9]\d*)_view_(0|[1-9]\d*)_domain_rgb\.png")
CAMERA_DOMAIN = "point_info"
# The archives and the download tool name the same files differently.
CAMERA_SUFFIXES = ("point_info", "fixatedpose")

CODES_PER_METRE = 512
NO_DEPTH = 65535
LARGEST_CODE = 65535
# Normals have length 1 but for rounding; (128, 128, 128), which means none, has 0.007.
SHORTEST_NORMAL = 0.5


class View(NamedTuple):
    """One image: a point of a building, seen from one of the places that see it."""

    building: str
    point: int
    view: int

    @property
    def name(self) -> str:
        return f"{self.building}_point_{self.point}_view_{self.view}"


class Taskonomy(FileDataModule):
    """Views of scanned buildings: segmentation, depth, normals and texture edges.

    - Source: Zamir et al., "Taskonomy: Disentangling Task Transfer Learning", CVPR 2018; scans of
      real buildings, images of 512 x 512 pixels with a field of view that differs between views.
    - Licence: non-commercial research, after agreement to the terms of the dataset.
    - Splits: by building, train/val/test: tiny 25/5/5, medium 99/20/19, full 346/67/69, less the
      excluded ones. `wiconisco` (val of all three) is left out by default, since many of its edge
      maps are damaged, so tiny has four buildings for validation. How many images a split has is
      nowhere stated.
    - `segmentation`: 17 classes, found by a network, not by people; code 0 (uncertain) is unknown.
    - `depth`: metres along the optical axis, code / 512, up to 128 m; 65535 means unknown.
    - `normals`: x right, y down, z into the scene; (128, 128, 128) means unknown.
    - `edges`: `edge_texture` on the scale of `sobel_edges`, where 1 is a step from black to white:
      code / 65535 / 0.183, clipped at 1; known everywhere. The outermost pixels are 0.
    - `camera`: from `point_info`, if that is unpacked for every building; the principal point is
      the image's centre.
    - Tree, recognised by itself, with the domains rgb, segment_semantic, depth_zbuffer, normal,
      edge_texture, point_info, of which those of tasks not asked for are not needed; files are
      named `point_<P>_view_<V>_domain_<domain>.png`:

          <domain>/taskonomy/<building>/    as omnitools downloads it
          <domain>/<building>/              the same, flat
          <building>_<domain>/<domain>/     each archive in a folder of its own name
          <building>/<domain>/              one folder per building

    Note:
        The makers' page counts 98/20/20 buildings in medium and 344/67/71 in full. We follow their
        split files, which differ from it by a building or two.

    Args:
        root: Folder that holds one of the trees above.
        image_size: Height and width of the network's input.
        subset: `tiny`, or `medium`, `full` or `fullplus`, for which the makers' split file (such as
            `train_val_test_medium.csv`) has to lie in `root`.
        buildings: A split file of one's own instead of `subset`, in the makers' form: a line
            `id,train,val,test`, then one per building with 1 under its split, else 0.
        excluded: Buildings to leave out. By default those the released VTAGML code leaves out.
            Buildings that are not on disk are left out too, and named when a split is listed.
        depth_range: Depth outside these metres is unknown, and 0 always.
        geometry: As in the base, like all that follow.
    """

    download: ClassVar[str] = "https://github.com/StanfordVL/taskonomy/tree/master/data"
    stand_in: ClassVar[str] = "taskonomy"
    known_bad: ClassVar[Path | None] = Path(__file__).parent / "splits" / "taskonomy_skip.txt"

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        subset: str = "tiny",
        buildings: str | Path | None = None,
        excluded: Sequence[str] = EXCLUDED,
        depth_range: tuple[float, float] = (0.0, 128.0),
        geometry: Sequence[Transform] | None = None,
        skip: str | Path | None = None,
        tasks: Sequence[str] | None = None,
        batch_size: int = 16,
        workers: int = 2,
        seed: int = 0,
        augment: Sequence[Transform] | None = None,
    ) -> None:
        super().__init__(
            root, image_size, geometry, skip, tasks, batch_size, workers, seed, augment
        )
        listed = (
            buildings_of(subset, self.root)
            if buildings is None
            else read_buildings(Path(buildings))
        )
        self.buildings = {
            split: tuple(sorted(set(names) - set(excluded))) for split, names in listed.items()
        }
        self.depth_range = checked_depth_range(depth_range)

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": TASKONOMY_17.labels}

    @property
    def prediction_format(self) -> PredictionFormat:
        return taskonomy_format()

    def records(self, split: str) -> list[View]:
        layout = self.layout()
        present = self._unpacked(layout, "rgb", self.buildings[split])
        missing = sorted(set(self.buildings[split]) - set(present))
        if missing:
            rank_zero_info(
                f"Taskonomy, {split}: {len(missing)} of {len(self.buildings[split])} buildings are"
                f" not in `{self.root}` and are left out: {', '.join(missing)}."
            )
        return [view for name in present for view in views(self._folder(layout, "rgb", name), name)]

    def reader(self) -> "TaskonomyReader":
        layout = self.layout()
        present = self._unpacked(layout, "rgb", self._every_building())
        camera = self._unpacked(layout, CAMERA_DOMAIN, present) == present
        return TaskonomyReader(self.root, LAYOUTS[layout], self.depth_range, camera)

    def layout(self) -> str:
        """Which of the four trees lies in `root`: the one in which buildings have images."""
        buildings = self._every_building()
        found = [layout for layout in LAYOUTS if self._unpacked(layout, "rgb", buildings)]
        if not found:
            patterns = (
                LAYOUTS[layout].format(domain="rgb", building="<building>") for layout in LAYOUTS
            )
            raise self.not_found(
                f"the images of one of {len(buildings)} buildings (such as"
                f" {', '.join(buildings[:3])}) in a folder of the form {' or '.join(patterns)}"
            )
        if len(found) > 1:
            raise ValueError(
                f"`root` should hold one tree, found images in {len(found)} forms in"
                f" `{self.root}`: {', '.join(LAYOUTS[layout] for layout in found)}."
                " Move all buildings into one of them."
            )
        return found[0]

    def _every_building(self) -> list[str]:
        return sorted(set().union(*self.buildings.values()))

    def _unpacked(self, layout: str, domain: str, buildings: Sequence[str]) -> list[str]:
        """Those of the buildings of which a domain is there."""
        return [name for name in buildings if self._folder(layout, domain, name).is_dir()]

    def _folder(self, layout: str, domain: str, building: str) -> Path:
        return self.root / LAYOUTS[layout].format(domain=domain, building=building)


@dataclass(frozen=True)
class TaskonomyReader:
    """Reads the files of one view.

    Attributes:
        root: Folder of the dataset.
        pattern: Where a building's files of one domain lie below it.
        depth_range: Depth outside these metres is unknown.
        camera: Whether the camera is read.
    """

    root: Path
    pattern: str
    depth_range: tuple[float, float]
    camera: bool

    def __call__(self, view: View, tasks: Sequence[str]) -> Sample:
        image = read_rgb(self._file(view, "rgb", "rgb.png"))
        sample: Sample = {"image": image, "name": view.name}
        if self.camera:
            sample["camera"] = self._camera(view, *image.shape[:2])
        shipped: Mapping[str, Callable[[View], np.ndarray]] = {
            "segmentation": self._segmentation,
            "depth": self._depth,
            "normals": self._normals,
            "edges": self._edges,
        }
        return sample | {task: shipped[task](view) for task in tasks}

    def _segmentation(self, view: View) -> UInt8[np.ndarray, "height width"]:
        # The only domain whose files spell its name differently from its folder.
        file = self._file(view, "segment_semantic", "segmentsemantic.png")
        codes = read_grey8(file)
        highest = len(TASKONOMY_17.labels.names)
        if codes.max() > highest:
            raise _unreadable(file, f"hold the codes 0 to {highest}", str(codes.max()))
        return np.where(codes == 0, np.uint8(IGNORE), codes - np.uint8(1))

    def _depth(self, view: View) -> Float32[np.ndarray, "height width"]:
        codes = read_grey16(self._file(view, "depth_zbuffer", "depth_zbuffer.png"))
        metres = codes.astype(np.float32) / np.float32(CODES_PER_METRE)
        nearest, farthest = self.depth_range
        unknown = (codes == 0) | (codes == NO_DEPTH) | (metres < nearest) | (metres > farthest)
        return np.where(unknown, np.float32(np.nan), metres)

    def _normals(self, view: View) -> Float32[np.ndarray, "height width 3"]:
        codes = read_rgb(self._file(view, "normal", "normal.png"))
        normals = codes.astype(np.float32) * np.float32(2 / 255) - np.float32(1)
        length = np.sqrt(np.einsum("hwc,hwc->hw", normals, normals))[..., None]
        return np.where(length < SHORTEST_NORMAL, np.float32(np.nan), normals / length)

    def _edges(self, view: View) -> Float32[np.ndarray, "height width"]:
        codes = read_grey16(self._file(view, "edge_texture", "edge_texture.png"))
        return np.minimum(codes.astype(np.float32) / np.float32(LARGEST_CODE * STEP_EDGE), 1)

    def _camera(self, view: View, height: int, width: int) -> Float32[np.ndarray, " 4"]:
        files = [self._file(view, CAMERA_DOMAIN, f"{suffix}.json") for suffix in CAMERA_SUFFIXES]
        file = next((file for file in files if file.exists()), files[0])
        focal = width / 2 / math.tan(field_of_view(file) / 2)
        return np.array([focal, focal, width / 2, height / 2], np.float32)

    def _file(self, view: View, domain: str, suffix: str) -> Path:
        folder = self.root / self.pattern.format(domain=domain, building=view.building)
        return folder / f"point_{view.point}_view_{view.view}_domain_{suffix}"


def views(folder: Path, building: str) -> list[View]:
    """The views whose images are in a folder, ordered by point and view."""
    # Names alone: asking for the state of millions of files would take minutes.
    with os.scandir(folder) as entries:
        names = (RGB.fullmatch(entry.name) for entry in entries)
        return sorted(View(building, int(name[1]), int(name[2])) for name in names if name)


def field_of_view(file: Path) -> float:
    """The field of view in radians, the same in both directions, that a `point_info` file gives.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableFileError: It is no JSON, or holds no angle between 0 and π.
    """
    try:
        angle = json.loads(file.read_text())["field_of_view_rads"]
    except FileNotFoundError:
        raise FileNotFoundError(
            f"`{file}` does not exist; expected a view's camera, as `point_info` is unpacked for"
            " every building. Unpack it again, or put the sample on a skip list."
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise _unreadable(file, "be JSON with the key `field_of_view_rads`", found) from None
    if not (isinstance(angle, float | int) and 0 < angle < math.pi):
        raise _unreadable(file, "hold a `field_of_view_rads` between 0 and π", repr(angle))
    return angle


def _unreadable(file: Path, expected: str, found: str) -> UnreadableFileError:
    return UnreadableFileError(
        f"`{file}` should {expected}, found {found}."
        " Unpack its archive again, or put the sample on a skip list.",
        file,
    )
