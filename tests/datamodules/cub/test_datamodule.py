"""CUB-200-2011 from the files that it is made of."""

from pathlib import Path

import numpy as np
import pytest

from datamodules import CUB, DatasetNotFoundError
from datamodules.disk.images import UnreadableFileError
from tests.fakes.cub import CLASSES, GREY, PHOTOS, path_of, write_tree

SIZE = (16, 16)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path)


def replaced(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("below", ["", "CUB_200_2011"])
def test_photos_of_a_split_with_their_classes(root: Path, split: str, below: str) -> None:
    source = CUB(root / below, SIZE).source(split)
    wanted = [photo for photo in PHOTOS if photo[2] == (split == "train")]
    assert [record.name for record in source.records] == [
        path_of(number, label).removesuffix(".jpg") for number, label, *_ in wanted
    ]
    for record, (_, label, _, size) in zip(source.records, wanted, strict=True):
        sample = source.read(record, ["birds"])
        assert sample["birds"] == label
        assert sample["birds"].dtype == np.uint8
        assert sample["image"].shape == (*size, 3)


def test_grey_photos_have_three_equal_channels(root: Path) -> None:
    source = CUB(root, SIZE).source("train")
    image = source.read(source.records[1], [])["image"]
    assert f"_{GREY:04d}_" in source.records[1].name
    assert len(np.unique(image)) > 100
    np.testing.assert_array_equal(image[..., 0], image[..., 1])
    np.testing.assert_array_equal(image[..., 0], image[..., 2])


def test_classes_are_called_as_their_folders_without_number(root: Path) -> None:
    names = CUB(root, SIZE).labels["birds"].names
    assert names == ("Black footed Albatross", "Laysan Albatross", "Red winged Blackbird")
    assert len(names) == len(CLASSES)


def test_the_official_counts() -> None:
    data = CUB("absent", SIZE)
    assert [data.official(split) for split in ("train", "val", "test")] == [5994, 5794, 5794]


def test_a_list_that_is_missing_is_named(root: Path) -> None:
    (root / "CUB_200_2011" / "train_test_split.txt").unlink()
    with pytest.raises(DatasetNotFoundError, match=r"list `CUB_200_2011/train_test_split.txt`"):
        CUB(root, SIZE).source("train")


def test_lists_of_other_photos_are_refused(root: Path) -> None:
    replaced(root / "CUB_200_2011" / "train_test_split.txt", "5 1\n", "6 1\n")
    with pytest.raises(UnreadableFileError, match=r"images.txt` should list the photos of the two"):
        CUB(root, SIZE).source("train")


@pytest.mark.parametrize("label", ["0", "4", "x"])
def test_classes_that_there_are_not_are_refused(root: Path, label: str) -> None:
    replaced(root / "CUB_200_2011" / "image_class_labels.txt", "5 3\n", f"5 {label}\n")
    with pytest.raises(
        UnreadableFileError, match=r"class_labels.txt` should hold classes of the 3"
    ):
        CUB(root, SIZE).source("train")
