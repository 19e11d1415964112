"""A small dataset in files: images of two sizes, classes, and depth in millimetres of 16 bits."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from datamodules.derive import SOBEL_EDGES
from datamodules.disk.images import read_grey8, read_grey16, read_rgb
from datamodules.files import FileDataModule
from datamodules.labels import IGNORE, Labels
from datamodules.prepared import Copy
from datamodules.transforms import Sample
from datamodules.writing import find_layout

COUNTS = {"train": 5, "val": 3}
SIZES = ((16, 24), (20, 24))
CLASSES = ("floor", "wall", "thing")
MILLIMETRES = 1000


class Shot(NamedTuple):
    split: str
    name: str


@dataclass(frozen=True)
class TreeReader:
    root: Path
    table: np.ndarray  # from stored ids to classes
    farthest: float
    deadly: str = ""  # the sample at which the process is killed

    def __call__(self, shot: Shot, tasks: Sequence[str]) -> Sample:
        if shot.name == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        folder = self.root / shot.split
        sample = {"image": read_rgb(folder / f"{shot.name}_image.png"), "name": shot.name}
        sample["camera"] = np.array([20, 20, 12, 8], np.float32)
        if "segmentation" in tasks:
            ids = read_grey8(folder / f"{shot.name}_classes.png")
            sample["segmentation"] = self.table[ids].astype(np.int64)
        if "depth" in tasks:
            codes = read_grey16(folder / f"{shot.name}_depth.png").astype(np.float32)
            metres = codes / np.float32(MILLIMETRES)
            sample["depth"] = np.where((codes == 0) | (metres > self.farthest), np.nan, metres)
        return sample


class Tree(FileDataModule):
    """Train and validation samples; the test split is the validation split."""

    offers = ("segmentation", "depth", "edges")
    derives = {"edges": SOBEL_EDGES}
    download = "nowhere"
    layouts = (find_layout("folders"),)

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int] = (16, 24),
        farthest: float = 60.0,
        deadly: str = "",
        skip: str | Path | None = None,
        tasks: Sequence[str] | None = None,
        batch_size: int = 2,
        workers: int = 0,
    ) -> None:
        super().__init__(
            root, image_size, skip=skip, tasks=tasks, batch_size=batch_size, workers=workers
        )
        self.farthest = farthest
        self.deadly = deadly

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": Labels.spread(CLASSES)}

    def official(self, split: str) -> int:
        return COUNTS["train" if split == "train" else "val"]

    def records(self, split: str) -> list[Shot]:
        folder = "train" if split == "train" else "val"
        files = sorted((self.root / folder).glob("*_image.png"))
        if not files:
            raise self.not_found(f"images in `{folder}`")
        return [Shot(folder, file.name.removesuffix("_image.png")) for file in files]

    def reader(self) -> TreeReader:
        table = np.array([0, 1, 2, IGNORE], np.uint8)
        return TreeReader(self.root, table, self.farthest, self.deadly)


def write_tree(root: Path) -> Path:
    """Writes the files; `classes` hold the ids 0 to 3, of which 3 is unknown."""
    random = np.random.default_rng(0)
    for split, count in COUNTS.items():
        (root / split).mkdir(parents=True)
        for index in range(count):
            height, width = SIZES[index % 2]
            place = root / split / f"{split}{index}"
            image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
            cv2.imwrite(f"{place}_image.png", image)
            ids = np.repeat(np.arange(4, dtype=np.uint8), width // 4)[None].repeat(height, axis=0)
            cv2.imwrite(f"{place}_classes.png", ids)
            depth = np.full((height, width), 1000 * (index + 1), np.uint16)
            depth[0] = 0
            cv2.imwrite(f"{place}_depth.png", depth)
    return root


def change_pixel(root: Path) -> None:
    """Changes the image of the second training sample."""
    file = root / "train" / "train1_image.png"
    image = cv2.imread(str(file))
    image[0, 0] = 255 - image[0, 0]
    cv2.imwrite(str(file), image)


def assert_same(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Two samples hold the same values."""
    assert first.keys() == second.keys()
    for key, value in first.items():
        if isinstance(value, str):
            assert value == second[key]
        else:
            np.testing.assert_array_equal(value, second[key])


def assert_prepared(data: Tree) -> None:
    """Every split is read from its copy, with the values of the files."""
    for split, count in (("train", 5), ("val", 3), ("test", 3)):
        source, original = data.source(split), data.original(split)
        assert isinstance(source.read, Copy)
        assert len(source.records) == count
        for record, own in zip(source.records, original.records, strict=True):
            assert_same(source.read(record, data.reads), original.read(own, data.reads))
