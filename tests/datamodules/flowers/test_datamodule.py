"""Oxford Flowers from the files that it is made of."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io
from torchvision.datasets import Flowers102

from datamodules import Flowers
from datamodules.disk.images import UnreadableFileError
from tests.fakes.flowers import LABELS, SPLITS, write_tree

SIZE = (16, 16)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path)


@pytest.mark.parametrize("below", ["", "flowers-102"])
@pytest.mark.parametrize(
    ("taught", "parts"),
    [
        ("train", (("trnid",), ("valid",), ("tstid",))),
        ("trainval", (("trnid", "valid"), ("tstid",), ("tstid",))),
    ],
)
def test_photos_of_a_split_with_their_kinds(
    root: Path, below: str, taught: str, parts: tuple[tuple[str, ...], ...]
) -> None:
    data = Flowers(root / below, SIZE, taught=taught)
    for split, sets in zip(("train", "val", "test"), parts, strict=True):
        source = data.source(split)
        numbers = [number for name in sets for number in SPLITS[name]]
        assert [record.name for record in source.records] == [f"image_{n:05d}" for n in numbers]
        labels = [int(source.read(record, ["flowers"])["flowers"]) for record in source.records]
        # The first class is 1 in 8 bits: none may become 255.
        assert labels == [LABELS[number - 1] - 1 for number in numbers]


def test_names_are_those_that_torchvision_has() -> None:
    names = Flowers("absent", SIZE).labels["flowers"].names
    assert names == tuple(name.rstrip("?") for name in Flowers102.classes)


def test_the_official_counts() -> None:
    counts = {
        taught: [Flowers("absent", SIZE, taught=taught).official(split) for split in SPLITS_OF]
        for taught in ("train", "trainval")
    }
    assert counts == {"train": [1020, 1020, 6149], "trainval": [2040, 6149, 6149]}


SPLITS_OF = ("train", "val", "test")


@pytest.mark.parametrize("numbers", [[0, 1], [7], []])
def test_numbers_of_no_photo_are_refused(root: Path, numbers: list[int]) -> None:
    sets = dict.fromkeys(SPLITS, np.array([numbers], np.uint16))
    scipy.io.savemat(root / "flowers-102" / "setid.mat", sets)
    with pytest.raises(UnreadableFileError, match=r"setid.mat` should hold numbers of 6 photos"):
        Flowers(root, SIZE).source("train")


def test_a_file_without_labels_is_named(root: Path) -> None:
    scipy.io.savemat(root / "flowers-102" / "imagelabels.mat", {"other": 1})
    with pytest.raises(
        UnreadableFileError, match=r"with `labels`, a row of numbers, found KeyError"
    ):
        Flowers(root, SIZE).source("train")
