"""Every reader among what a real download brings along: each oddity alone, with its verdict."""

import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from datamodules import DenseDataModule
from datamodules.base import SPLITS
from datamodules.disk.names import read_names
from datamodules.prepared.prepare import prepare
from datamodules.transforms import Sample
from tests.fakes.odd import ODDITIES, mounted_read_only
from tests.fakes.readers import READERS, SIZE, Reader

Content = dict[str, list[Sample]]


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


@pytest.fixture(scope="module")
def expected(reader: Reader, plain: Path) -> Content:
    return content(reader.make(plain, SIZE))


def content(data: DenseDataModule) -> Content:
    # Pickled, as spawned workers get them.
    sources = {split: pickle.loads(pickle.dumps(data.source(split))) for split in SPLITS}
    return {
        split: [source.read(record, data.reads) for record in source.records]
        for split, source in sources.items()
    }


def assert_same(found: Content, expected: Content) -> None:
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
    reader: Reader, expected: Content, root: Path, oddity: str
) -> None:
    assert_same(content(reader.make(ODDITIES[oddity](root), SIZE)), expected)


@pytest.fixture
def read_only(root: Path) -> Iterator[Path]:
    for place in mounted_read_only(root):
        if place is None:
            pytest.skip("mounting is not allowed here")
        yield place


def test_is_read_from_a_disk_that_cannot_be_written(
    reader: Reader, expected: Content, read_only: Path
) -> None:
    assert_same(content(reader.make(read_only, SIZE)), expected)


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
