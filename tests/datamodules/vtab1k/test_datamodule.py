"""VTAB-1k's sets from their lists."""

from pathlib import Path

import numpy as np
import pytest

from datamodules import VTAB1k
from datamodules.disk.images import UnreadableFileError
from tests.fakes.vtab1k import SETS, write_tree

SIZE = (16, 16)
TASKS = ("camelyon", "eurosat", "resisc45", "retinopathy")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("vtab") / "vtab-1k")


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize(("name", "task"), [*zip(SETS, TASKS, strict=True)])
def test_photos_of_a_list_with_their_classes(
    root: Path, name: str, task: str, outside: bool
) -> None:
    data = VTAB1k(root.parent if outside else root, SIZE, set=name)
    assert data.tasks == (task,)
    classes, side = SETS[name]
    assert len(data.labels[task].names) == classes
    for split, listed in (("train", "train800val200"), ("val", "val200"), ("test", "test")):
        source = data.source(split)
        names = [f"images/{listed}/{number:06d}" for number in range(3)]
        assert [record.name for record in source.records] == names
        samples = [source.read(record, [task]) for record in source.records]
        assert [int(sample[task]) for sample in samples] == [0, classes - 1, 1]
        assert samples[0]["image"].shape == (side, side, 3)


def test_settings_are_chosen_on_the_smaller_list(root: Path) -> None:
    data = VTAB1k(root, SIZE, set="eurosat", taught="train800")
    assert data.records("train")[0].name == "images/train800/000000"
    assert data.records("val") == VTAB1k(root, SIZE, set="eurosat").records("val")


def test_images_are_stretched_and_left_alone_otherwise(root: Path) -> None:
    data = VTAB1k(root, SIZE, set="diabetic_retinopathy", batch_size=3, workers=0)
    data.setup("fit")
    samples = data.samples["train"]
    first = [samples[place]["image"].numpy() for place in range(3)]
    source = data.source("train")
    for place, image in enumerate(first):
        whole = source.read(source.records[place], [])["image"]
        # Stretched: the corners of the view are those of the image.
        assert image.shape == (3, *SIZE)
        near = whole[:3, :3].mean(axis=(0, 1))
        assert np.abs(image[:, 0, 0] - near).max() < 70
    data.samples["train"].seed = 5
    for place, image in enumerate(first):
        np.testing.assert_array_equal(samples[place]["image"], image)


def test_the_official_counts() -> None:
    tests = [VTAB1k("absent", SIZE, set=name).official("test") for name in SETS]
    assert tests == [32768, 5400, 6300, 42670]
    small = VTAB1k("absent", SIZE, set="eurosat", taught="train800")
    assert [small.official(split) for split in ("train", "val")] == [800, 200]
    assert VTAB1k("absent", SIZE, set="eurosat").official("train") == 1000


def test_a_class_too_many_is_refused(root: Path, tmp_path: Path) -> None:
    tree = write_tree(tmp_path)
    (tree / "eurosat" / "test.txt").write_text("images/test/000000.jpg 10\n")
    with pytest.raises(UnreadableFileError, match="classes of the 10 that there are, found 10"):
        VTAB1k(tree, SIZE, set="eurosat").source("test")


def test_a_set_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`set` should be one of \['patch_camelyon'.*'cifar'"):
        VTAB1k("absent", SIZE, set="cifar")
