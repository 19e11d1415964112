"""Labels that are missing are said before training, whatever the dataset."""

from pathlib import Path

import pytest

from datamodules import Folders
from datamodules.disk.pairs import Labelled, check_complete
from datamodules.files import FileDataModule
from datamodules.prepared.prepare import prepare
from datamodules.prepared.watching import files_read
from tests.fakes.folders import write_tree
from tests.fakes.readers import READERS, SIZE

SHARED = ("point_info.json", "intrinsic.txt", "nyu_depth_v2_labeled.mat")
"""Files of cameras that not every tree has, and of all samples in one."""
# All labels of the others are in one file, or in lists.
UNPAIRED = ("image-folder", "nyudv2-official", "cub", "aircraft", "flowers")
PAIRED = [name for name in READERS if name not in UNPAIRED]
CLASSES = ["a", "b", "c"]


def label_files(data: FileDataModule, root: Path) -> list[Path]:
    """The files that are opened for the first training sample, but for its image."""
    source = data.original("train")
    opened = []
    for tasks in (data.reads, ()):
        with files_read(root) as files:
            source.read(source.records[0], tasks)
        opened.append({root / file for file in files})
    return sorted(file for file in opened[0] - opened[1] if not file.name.endswith(SHARED))


@pytest.mark.parametrize("name", PAIRED)
def test_each_missing_label_is_named_before_training(name: str, tmp_path: Path) -> None:
    root = tmp_path / "data"
    READERS[name].write(root)
    data = READERS[name].make(root, SIZE)
    data.setup("fit")
    files = label_files(data, root)
    assert len(files) >= len(data.reads)
    for file in files:
        file.rename(tmp_path / "away")
        with pytest.raises(FileNotFoundError, match=r"found 1 of .* skip list") as error:
            READERS[name].make(root, SIZE).setup("fit")
        assert f"`{file.with_suffix('')}" in str(error.value)
        READERS[name].make(root, SIZE).setup("predict")
        READERS[name].make(root, SIZE).setup()
        (tmp_path / "away").rename(file)


@pytest.fixture
def lacking(tmp_path: Path) -> Path:
    """A tree without one depth map, of a training sample."""
    root = write_tree(tmp_path / "mine")
    (root / "train/depth/room/0001.png").unlink()
    return root


def test_samples_and_tasks_that_are_left_out_need_no_label(lacking: Path) -> None:
    (lacking / "skip.txt").write_text("train/room/0001\n")
    Folders(lacking, SIZE, CLASSES, skip=lacking / "skip.txt").setup("fit")
    Folders(lacking, SIZE, CLASSES, tasks=["edges"]).setup("fit")
    Folders(lacking, SIZE, CLASSES, withheld=["depth"]).setup("fit")
    Folders(lacking, SIZE, CLASSES).setup("test")


def test_images_of_a_list_are_looked_for_too(tmp_path: Path) -> None:
    root = tmp_path / "data"
    READERS["nyudv2-png"].write(root)
    (root / "images" / "val_1.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"`val` .*images/val_1\.jpg"):
        READERS["nyudv2-png"].make(root, SIZE).setup("validate")


def test_copies_are_complete(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "mine")
    prepare(Folders(root, SIZE, CLASSES), processes=0)
    data = Folders(root, SIZE, CLASSES)
    data.labelled = lambda split, task: pytest.fail("the dataset's own files were listed")
    data.setup("fit")


def test_many_are_counted_and_some_named(tmp_path: Path) -> None:
    labels = Labelled([0, 1], lambda record: tmp_path / f"{record}.png")
    expected = r"of its 14 images, found 12 .*11\.png` and 2 more"
    with pytest.raises(FileNotFoundError, match=expected):
        check_complete("The split `train`", range(14), [labels])
    check_complete("The split `train`", [1, 0], [labels])
    assert labels.without_image([1]) == [tmp_path / "0.png"]
