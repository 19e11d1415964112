"""Every reader among what a real download brings along: each oddity alone, with its verdict."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from datamodules import (
    VKITTI2,
    Cityscapes,
    DenseDataModule,
    Folders,
    ImageFolder,
    NYUDv2,
    Synthia,
    Taskonomy,
)
from datamodules.base import SPLITS
from datamodules.files import read_names
from datamodules.prepare import prepare
from datamodules.transforms import Sample
from tests.fakes import cityscapes, folders, nyudv2, synthia, taskonomy, vkitti2
from tests.fakes.odd import ODDITIES, mounted_read_only

SIZE = (32, 48)


def write_taskonomy(root: Path) -> None:
    for split, building in (("1,0,0", "hanson"), ("0,1,0", "darden"), ("0,0,1", "ihlen")):
        taskonomy.write_view(root, building, 1, len(split))
    rows = "hanson,1,0,0\ndarden,0,1,0\nihlen,0,0,1\n"
    (root / "train_val_test_medium.csv").write_text(f"id,train,val,test\n{rows}")


def write_vkitti2(root: Path) -> None:
    for scene in ("Scene01", "Scene02", "Scene06", "Scene18", "Scene20"):
        vkitti2.write_drive(root, scene, (0, 3))


def write_photos(root: Path) -> None:
    folders.write_tree(root)
    shutil.copytree(root / "train" / "image", root / "photos")
    for split in ("train", "val", "test"):
        shutil.rmtree(root / split)


class Reader(NamedTuple):
    write: Callable[[Path], object]
    make: Callable[..., DenseDataModule]


READERS: dict[str, Reader] = {
    "taskonomy": Reader(write_taskonomy, partial(Taskonomy, subset="medium")),
    "nyudv2-official": Reader(nyudv2.write_official, NYUDv2),
    "nyudv2-npy": Reader(partial(nyudv2.write_multitask, png=False), NYUDv2),
    "nyudv2-png": Reader(partial(nyudv2.write_multitask, png=True), NYUDv2),
    "nyudv2-mtan": Reader(nyudv2.write_mtan, partial(NYUDv2, label_space="nyu_13")),
    "cityscapes": Reader(cityscapes.write_tree, Cityscapes),
    "synthia": Reader(synthia.write_tree, Synthia),
    "vkitti2": Reader(write_vkitti2, VKITTI2),
    "folders": Reader(folders.write_tree, partial(Folders, classes=["a", "b", "c"])),
    "image-folder": Reader(write_photos, ImageFolder),
}


@pytest.fixture(scope="module", params=READERS)
def reader(request: pytest.FixtureRequest) -> Reader:
    return READERS[request.param]


@pytest.fixture(scope="module")
def plain(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as it should be."""
    root = tmp_path_factory.mktemp("plain") / "data"
    reader.write(root)
    return root


@pytest.fixture
def root(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain, tmp_path / "data"))


def content(data: DenseDataModule) -> dict[str, list[Sample]]:
    sources = {split: data.source(split) for split in SPLITS}
    return {
        split: [source.read(record, data.reads) for record in source.records]
        for split, source in sources.items()
    }


def assert_same(found: dict[str, list[Sample]], expected: dict[str, list[Sample]]) -> None:
    for split, samples in expected.items():
        names = [sample["name"] for sample in samples]
        assert names
        assert [sample["name"] for sample in found[split]] == names
        for sample, own in zip(found[split], samples, strict=True):
            assert sample.keys() == own.keys()
            for key in own.keys() - {"name"}:
                np.testing.assert_array_equal(sample[key], own[key])


@pytest.mark.parametrize("oddity", ODDITIES)
def test_is_read_as_if_nothing_were_odd(
    reader: Reader, plain: Path, root: Path, oddity: str
) -> None:
    found = content(reader.make(ODDITIES[oddity](root), SIZE))
    assert_same(found, content(reader.make(plain, SIZE)))


@pytest.fixture
def read_only(root: Path) -> Iterator[Path]:
    for place in mounted_read_only(root):
        if place is None:
            pytest.skip("mounting is not allowed here")
        yield place


def test_is_read_from_a_disk_that_cannot_be_written(
    reader: Reader, plain: Path, read_only: Path
) -> None:
    assert_same(content(reader.make(read_only, SIZE)), content(reader.make(plain, SIZE)))


@pytest.mark.parametrize("reader", ["folders"], indirect=True)
def test_copies_of_a_disk_that_cannot_be_written_go_elsewhere(
    reader: Reader, read_only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = reader.make(read_only, SIZE)
    with pytest.raises(ValueError, match=r"cannot be made \(Read-only .* DATAMODULES_PREPARED"):
        prepare(data, processes=0)
    monkeypatch.setenv("DATAMODULES_PREPARED", str(tmp_path / "copies"))
    prepare(data, processes=0)
    assert all(data.source(split).checked for split in SPLITS)


def test_texts_that_are_none_are_named(tmp_path: Path) -> None:
    file = tmp_path / "skip.txt"
    file.write_bytes(b"a\n\xe9t\xe9\n")
    with pytest.raises(ValueError, match=r"skip.txt` should be a text .* Save it as UTF-8"):
        read_names(file)


@pytest.mark.parametrize(
    "change", [name for name, change in ODDITIES.items() if "lines" in name or "utf" in name]
)
def test_skip_lists_of_any_program(change: str, tmp_path: Path) -> None:
    (tmp_path / "skip.txt").write_text("a 1\nb\n")
    ODDITIES[change](tmp_path)
    assert read_names(tmp_path / "skip.txt") == ["a 1", "b"]
