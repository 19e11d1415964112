"""SYNTHIA-RAND-CITYSCAPES: rendered street scenes with the classes of Cityscapes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from datamodules.agreement import same_size
from datamodules.depth_range import checked_depth_range
from datamodules.derive import NORMALS_FROM_DEPTH, SOBEL_EDGES, Derivation
from datamodules.files import FileDataModule
from datamodules.images import UnreadableFileError, read_rgb, read_rgb16
from datamodules.label_spaces import SYNTHIA_IDS, SYNTHIA_SPACES, find_space
from datamodules.labels import Labels
from datamodules.listing import matches
from datamodules.names import read_names
from datamodules.pairs import Labelled
from datamodules.predictions import PredictionFormat, synthia_format
from datamodules.transforms import Sample

STORED = Path(__file__).parent / "splits" / "synthia.txt"

ROOT = "RAND_CITYSCAPES"
IMAGES = "RGB"
FOLDERS: Mapping[str, str] = {"segmentation": "GT/LABELS", "depth": "Depth"}
IMAGE = re.compile(r"(\d{7})\.png")

# Of the video sequences of SYNTHIA, for images of 1280 x 760 pixels; this subset ships none.
CAMERA = (532.740352, 532.740352, 640.0, 380.0)
CAMERA_SIZE = (760, 1280)
CODES_PER_METRE = 100


class Picture(NamedTuple):
    """One image; its number is its name."""

    name: str


class Synthia(FileDataModule):
    """Rendered street scenes: segmentation and depth; normals and edges derived.

    - Source: Ros et al., "The SYNTHIA Dataset: A Large Collection of Synthetic Images for Semantic
      Segmentation of Urban Scenes", CVPR 2016; its subset RAND-CITYSCAPES of 9400 images of
      1280 x 760 pixels.
    - Licence: CC BY-NC-SA 3.0.
    - Splits: none official. Ours is stored in `splits/synthia.txt`: train 7520, val 940, test 940,
      in 50 blocks of 188 consecutive images, every fifth for val or test in turn. Random splits
      would put near images of one place on both sides; here that can happen at 20 seams only, and
      every part of the numbering is in all splits. The field's 80/20 splits are random ones, and
      that of DenseMTL shares images between both sides.
    - `segmentation`: red of 16-bit RGB files, in 16 classes of Cityscapes by default; void, parking
      slots, road work and lane markings are unknown.
    - `depth`: metres, centimetres in all channels of 16-bit RGB files; 0 is unknown. The code of
      the sky is not documented; it lies beyond the 80 m that are kept by default.
    - `normals`: from depth; x right, y down, z into the scene. `edges`: Sobel edges of the image.
      Both at the resolution they are used at, see `datamodules.derive`.
    - Evaluation: at the size on disk, so that networks of any input size compare. DenseMTL scores
      at the network's size (`evaluated_at: network`), on its own split.
    - `camera`: fx = fy = 532.740352, in the image's middle: that of SYNTHIA's video sequences, as
      the field assumes, since this subset ships none.
    - Tree; `root` is `RAND_CITYSCAPES` itself or the folder that it lies in:

          RAND_CITYSCAPES/RGB/0000000.png … 0009399.png
          RAND_CITYSCAPES/GT/LABELS/…       segmentation
          RAND_CITYSCAPES/Depth/…           depth, normals

    Args:
        root: Folder that holds the tree.
        label_space: One of `cityscapes_19`, `cityscapes_16`, `cityscapes_13`, `vkitti2_8`,
            `vkitti2_8_strict`, and of seven groups of classes `ctrl_7`, which is CTRL's table, or
            `densemtl_7`, DenseMTL's classes by their names (it has no table for Synthia).
        depth_range: Depth outside these metres is unknown.
        options: What all datasets of files take, see `FileDataModule`.
    """

    derives: ClassVar[Mapping[str, Derivation]] = {
        "normals": NORMALS_FROM_DEPTH,
        "edges": SOBEL_EDGES,
    }
    download: ClassVar[str] = (
        "https://synthia-dataset.net/downloads (SYNTHIA-RAND-CITYSCAPES, CVPR 2016)"
    )
    stand_in: ClassVar[str] = "synthia"

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        label_space: str = "cityscapes_16",
        depth_range: tuple[float, float] = (0.0, 80.0),
        **options: Any,
    ) -> None:
        super().__init__(root, image_size, **options)
        self.label_space = find_space(SYNTHIA_SPACES, label_space)
        self.depth_range = checked_depth_range(depth_range)

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": self.label_space.space.labels}

    @property
    def prediction_format(self) -> PredictionFormat:
        return synthia_format(self.label_space)

    def records(self, split: str) -> list[Picture]:
        images = self._folder() / IMAGES
        if not images.is_dir():
            raise self.not_found(f"the folder `{ROOT}/{IMAGES}` of images")
        return pictures(images, split)

    def official(self, split: str) -> int:
        return len(stored_numbers(split))

    def labelled(self, split: str, task: str) -> Labelled:
        folder = self._folder() / FOLDERS[task]
        return Labelled(pictures(folder, split), lambda each: folder / f"{each.name}.png")

    def reader(self) -> "SynthiaReader":
        folder = self._folder()
        missing = [FOLDERS[task] for task in self.reads if not (folder / FOLDERS[task]).is_dir()]
        if missing:
            names = ", ".join(f"`{ROOT}/{name}`" for name in missing)
            raise self.not_found(f"the folders {names}")
        return SynthiaReader(folder, self.label_space.table(SYNTHIA_IDS), self.depth_range)

    def _folder(self) -> Path:
        inner = self.root / ROOT
        return inner if inner.is_dir() else self.root


@dataclass(frozen=True, eq=False)
class SynthiaReader:
    """Reads the files of one picture.

    Attributes:
        folder: `RAND_CITYSCAPES`.
        table: From class ids to train ids.
        depth_range: Depth outside these metres is unknown.
    """

    folder: Path
    table: UInt8[np.ndarray, "256"]
    depth_range: tuple[float, float]

    def __call__(self, picture: Picture, tasks: Sequence[str]) -> Sample:
        image = read_rgb(self._file(picture, IMAGES))
        shipped: Mapping[str, Callable[[Path], np.ndarray]] = {
            "segmentation": self._segmentation,
            "depth": self._depth,
        }
        sample: Sample = {"image": image, "name": picture.name}
        sample["camera"] = camera_at(image.shape[:2])
        for task in tasks:
            file = self._file(picture, FOLDERS[task])
            sample[task] = same_size(picture.name, image, task, file, shipped[task](file))
        return sample

    def _segmentation(self, file: Path) -> UInt8[np.ndarray, "height width"]:
        ids = read_rgb16(file)[..., 0]
        highest = max(SYNTHIA_IDS)
        if ids.max() > highest:
            raise UnreadableFileError(
                f"`{file}` should hold the class ids 0 to {highest} in red, found {ids.max()}."
                " Unpack the archive again, or put the sample on a skip list.",
                file,
            )
        return self.table[ids]

    def _depth(self, file: Path) -> Float32[np.ndarray, "height width"]:
        codes = read_rgb16(file)[..., 0]
        metres = codes.astype(np.float32) / np.float32(CODES_PER_METRE)
        nearest, farthest = self.depth_range
        metres[(codes == 0) | (metres < nearest) | (metres > farthest)] = np.nan
        return metres

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
