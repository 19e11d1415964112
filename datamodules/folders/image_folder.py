"""A folder of one's own images, to predict on."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datamodules.base import DenseDataModule
from datamodules.disk.images import UnreadableFileError
from datamodules.disk.listing import walk
from datamodules.disk.photos import OTHER_SUFFIXES, SUFFIXES, UNKNOWN_SUFFIXES, read_photo
from datamodules.disk.spelling import spelled
from datamodules.labels import Labels
from datamodules.predictions.codes import Classes, Metres, Normals, Shares
from datamodules.predictions.format import Encoding, PredictionFormat
from datamodules.predictions.native import FitInside
from datamodules.samples import Source
from datamodules.transforms import Sample, Transform

READ = (*SUFFIXES, *OTHER_SUFFIXES)


class Photo(NamedTuple):
    """One image of the folder."""

    file: Path
    name: str


class ImageFolder(DenseDataModule):
    """Photos without labels: for `predict`, nothing else.

    - Read: all pictures (JPEG, PNG, TIFF, WebP, GIF, BMP, AVIF, JPEG 2000, PPM) in the folder and
      the folders in it, but no hidden ones, or one file; links are followed. Of any size, with 8
      bits per channel or 16, of which the upper 8 are taken, grey, transparent (on white),
      animated (the first frame) or rotated by their EXIF data.
    - Left out: what cannot be read, such as damaged files and HEIC; `left_out` has the reasons.
    - Each photo fills the network's input as far as its shape allows; the rest is black. To a
      network that only classifies, `predict --images` shows it as the images of its training data.
    - Names: the path below the folder without its suffix, or with it if two would be the same.
    - Predictions: at the photo's own size, upright. `numbers/<task>/<name>.png` hold class ids
      (train ids, 8 bits), depth in 1/256 m (16 bits, at most 255.99 m), normals as
      127.5 · (n + 1) with x right, y down, z into the scene (8-bit RGB), edges in 1/65535 (16
      bits).

    Note:
        Depth in metres follows from the size of things only for the camera that a network was
        trained with. With a focal length f times as long (in pixels of the network's input)
        everything seems f times as near.

    Args:
        root: The folder, or a file.
        image_size: Height and width of the network's input.
        labels: Names and colours of the classes that the network was trained on, by task.
        tasks: Taken without effect, as a model names its tasks to every dataset.
        batch_size: Photos per batch and rank.
        workers: Worker processes; 0 loads in this process.

    Attributes:
        shown: How photos come to the network's size instead, if anybody says so.
    """

    offers: tuple[str, ...] = ()

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        labels: Mapping[str, Labels] | None = None,
        tasks: Sequence[str] | None = None,
        batch_size: int = 1,
        workers: int = 2,
    ) -> None:
        super().__init__(batch_size=batch_size, workers=workers)
        self.root = Path(root)
        self.image_size = (int(image_size[0]), int(image_size[1]))
        self.classes = dict(labels or {})
        self.shown: Sequence[Transform] | None = None

    @property
    def labels(self) -> dict[str, Labels]:
        return self.classes

    @property
    def prediction_format(self) -> PredictionFormat:
        ids = Classes(np.arange(256, dtype=np.uint8))
        encodings = {
            "segmentation": Encoding("segmentation/{name}.png", ids),
            "depth": Encoding("depth/{name}.png", Metres(256)),
            "normals": Encoding("normals/{name}.png", Normals()),
            "edges": Encoding("edges/{name}.png", Shares()),
        }
        return PredictionFormat(encodings, folder="numbers")

    def setup(self, stage: str | None = None) -> None:
        if stage not in ("predict", None):
            raise ValueError(
                f"`data` should have labels for `{stage}`, found a folder of images without."
                " Only `predict` works with it."
            )
        super().setup("predict")

    def source(self, split: str) -> Source[Photo]:
        return Source(self.found.readable, _read)

    @property
    def left_out(self) -> Mapping[Path, str]:
        """Why some pictures in the folder are not among the samples."""
        return self.found.left_out

    @cached_property
    def found(self) -> "Found":
        return sorted_out(self.root)

    def views(self) -> Sequence[Transform]:
        return [FitInside(self.image_size)] if self.shown is None else self.shown


def _read(photo: Photo, tasks: Sequence[str]) -> Sample:
    return {"image": read_photo(photo.file), "name": photo.name}


class Found(NamedTuple):
    """The pictures of a folder, as far as they can be read, and why others cannot."""

    readable: list[Photo]
    left_out: dict[Path, str]


def sorted_out(root: Path) -> Found:
    """Reads every picture of a folder once, so that a bad one is known before the first result.

    Raises:
        FileNotFoundError: There is no such folder, or no image in it.
        UnreadableFileError: None of them can be read.
    """
    root = spelled(root)
    if root.is_file():
        read_photo(root)
        return Found([Photo(root, root.stem)], {})
    files = sorted(Path(here, name) for here, names in walk(root) for name in names)
    unknown = (file for file in files if file.suffix.lower() in UNKNOWN_SUFFIXES)
    left_out = {file: f"Pillow does not read `{file.suffix}`" for file in unknown}
    listed = [file for file in files if file.suffix.lower() in READ]
    if not listed and not left_out:
        found = "no such file in it" if root.is_dir() else "no such folder"
        raise FileNotFoundError(
            f"`{root}` should be a folder with images ({', '.join(READ)}), found {found}."
        )
    readable = []
    for photo in _named(root, listed):
        try:
            read_photo(photo.file)
        except (OSError, UnreadableFileError) as error:
            left_out[photo.file] = str(error)
        else:
            readable.append(photo)
    if not readable:
        first, reason = next(iter(left_out.items()))
        raise UnreadableFileError(
            f"`{root}` should be a folder with images, found none of {len(left_out)} that can be "
            f"read: `{first}`: {reason}"
        )
    return Found(readable, left_out)


def _named(root: Path, files: Sequence[Path]) -> list[Photo]:
    paths = [file.relative_to(root) for file in files]
    names = [path.with_suffix("").as_posix() for path in paths]
    # On many disks `a` and `A` are one file.
    if len({name.lower() for name in names}) < len(names):
        names = [path.as_posix() for path in paths]
    return [Photo(file, name) for file, name in zip(files, names, strict=True)]
