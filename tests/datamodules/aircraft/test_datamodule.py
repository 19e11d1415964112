"""FGVC-Aircraft from the files that it is made of."""

from pathlib import Path

import pytest

from datamodules import Aircraft
from datamodules.disk.images import UnreadableFileError
from tests.fakes.aircraft import PHOTOS, VARIANTS, write_tree

SIZE = (16, 16)
SPLITS = ("train", "val", "test")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path)


@pytest.mark.parametrize("below", ["", "fgvc-aircraft-2013b/data"])
@pytest.mark.parametrize(
    ("taught", "parts"),
    [
        ("trainval", (("train", "val"), ("test",), ("test",))),
        ("train", (("train",), ("val",), ("test",))),
    ],
)
def test_photos_of_a_split_with_their_variants(
    root: Path, below: str, taught: str, parts: tuple[tuple[str, ...], ...]
) -> None:
    data = Aircraft(root / below, SIZE, taught=taught)
    for split, listed in zip(SPLITS, parts, strict=True):
        source = data.source(split)
        found = [
            (record.name, int(source.read(record, ["aircraft"])["aircraft"]))
            for record in source.records
        ]
        assert found == [(photo, of) for photo, of, where, _ in PHOTOS if where in listed]


def test_names_may_hold_blanks_and_slashes(root: Path) -> None:
    assert Aircraft(root, SIZE).labels["aircraft"].names == VARIANTS


def test_the_official_counts() -> None:
    counts = {
        taught: [Aircraft("absent", SIZE, taught=taught).official(split) for split in SPLITS]
        for taught in ("trainval", "train")
    }
    assert counts == {"trainval": [6667, 3333, 3333], "train": [3334, 3333, 3333]}


@pytest.mark.parametrize("variant", ["Cessna", "2"])  # a number is no place in the list
def test_a_variant_that_is_none_is_refused(variant: str, root: Path) -> None:
    listed = root / "fgvc-aircraft-2013b" / "data" / "images_variant_test.txt"
    listed.write_text(f"1025794 {variant}\n")
    with pytest.raises(UnreadableFileError, match=f"of the 3 that there are, found `{variant}`"):
        Aircraft(root, SIZE).source("test")


def test_a_photo_without_variant_is_refused(root: Path) -> None:
    listed = root / "fgvc-aircraft-2013b" / "data" / "images_variant_test.txt"
    listed.write_text("1025794\n")
    with pytest.raises(
        UnreadableFileError, match=r"hold a word and a value per line, found 1 lines"
    ):
        Aircraft(root, SIZE).source("test")


def test_it_is_trained_on_a_list_that_there_is() -> None:
    with pytest.raises(ValueError, match=r"`taught` should be one of \['trainval', 'train'\]"):
        Aircraft("absent", SIZE, taught="val")
