"""Folders of one's own as they come: without labels, with links, capitals and odd names."""

import io
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from datamodules.check import check
from datamodules.check.tables import show
from datamodules.disk.images import UnreadableFileError
from tests.datamodules.folders.test_datamodule import first, folders, label, own, tree
from tests.fakes import folders as fakes

__all__ = ["own", "tree"]  # fixtures


def test_test_images_without_labels_can_be_predicted(own: Path) -> None:
    for task in ("segmentation", "depth", "normals", "edges"):
        shutil.rmtree(own / "test" / task)
    data = folders(own)
    data.setup("predict")
    (batch,) = data.predict_dataloader()
    assert batch["name"] == ["test/0001"]
    with pytest.raises(
        ValueError, match=r"`test` in .* labels of segmentation, depth, .*predicted"
    ):
        data.test_dataloader()
    assert data.unlabelled("val") == ()
    # Without one folder the others are of no use to a test, and are checked all the same.
    shutil.copytree(own / "val/depth", own / "test/depth")
    data = folders(own, derive=["edges"])
    assert data.unlabelled("test") == ("segmentation", "normals")
    assert data.tasks_of("test") == ("depth", "edges")


def test_check_says_once_that_test_has_no_labels(own: Path) -> None:
    for task in ("segmentation", "depth", "normals", "edges"):
        shutil.rmtree(own / "test" / task)
    report = check(folders(own), processes=0)
    assert report.ok, report.problems
    assert report.notes == ["test: no labels, can only be predicted"]
    assert report.splits["test"].found == 1
    console = Console(file=io.StringIO(), width=120)
    show(report, console)
    assert console.file.getvalue().count("test: no labels, can only be predicted") == 1
    # An image that cannot be read is wrong there, too.
    (own / "test/image/0001.png").write_bytes(b"")
    (problem,) = check(folders(own), processes=0).problems
    assert (problem.split, problem.name) == ("test", "test/0001")


def test_check_shows_a_test_split_without_labels_of_one_task(own: Path) -> None:
    shutil.rmtree(own / "test/segmentation")
    report = check(folders(own, tasks=["segmentation", "depth"]), processes=0)
    assert report.splits["test"].tasks.keys() == {"depth"}
    console = Console(file=io.StringIO(), width=120)
    show(report, console)
    assert "Classes of segmentation" in console.file.getvalue()


def test_names_that_look_like_comments_can_be_skipped(own: Path) -> None:
    names = ("#1", "a#b", "a #b", "a # b", "b ", '"c"')
    for name in names:
        fakes.write_picture(own, "val", name)
        fakes.path(own, "val", "depth", name).write_bytes(b"")
    file = own / "skip.txt"
    report = check(folders(own), processes=0)
    assert report.write_skip_list(file) == len(names)
    data = folders(own, skip=file)
    assert data.skipped() == {f"val/{name}" for name in names}
    assert [each.name for each in data.source("val").records] == ["val/0001"]
    assert data.unmatched() == []
    assert check(data, processes=0).ok


def test_suffixes_of_labels_in_capitals(own: Path) -> None:
    for task in ("segmentation", "depth", "normals", "edges"):
        label(own, task).rename(label(own, task, ".PNG"))
    for key, found in first(folders(own)).items():
        assert key == "name" or found.shape[:2] == fakes.SIZE
    assert (first(folders(own))["depth"][1:] == 4).all()
    assert check(folders(own), processes=0).ok
    fakes.save(label(own, "depth", ".npy"), np.ones(fakes.SIZE))
    with pytest.raises(ValueError, match=r"in one file, found .*0001.PNG` and `0001.npy`"):
        first(folders(own))


def test_links_to_folders_are_followed_once(own: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    for task in ("image", "segmentation", "depth", "normals", "edges"):
        shutil.copytree(own / "val" / task, elsewhere / task)
        (own / "val" / task / "linked").symlink_to(elsewhere / task)
    # Each leads back to where the other one is.
    (own / "val/image/back").symlink_to(own / "val/image")
    (elsewhere / "image/over").symlink_to(own / "val/image")
    names = [each.name for each in folders(own).records("val")]
    assert names == ["val/0001", "val/linked/0001"]
    source = folders(own).source("val")
    assert source.read(source.records[1], ["depth"])["depth"][5, 5] == 4


def test_images_of_one_camera_have_one_size(own: Path) -> None:
    camera = (50.0, 50.0, 32.0, 24.0)
    # Half as large, so that the principal point still lies inside.
    fakes.save(label(own, "image"), np.zeros((36, 48, 3), np.uint8))
    data = folders(own, tasks=["depth"], camera=camera)
    problem = r"`camera` .* 48 x 36 pixels in .*val/image/0001.png` and 64 x 48 in .*train/image"
    with pytest.raises(UnreadableFileError, match=problem):
        first(data)
    source = data.source("train")
    source.read(source.records[1], [])
    # The first image that is used has the camera's size, whatever else lies there.
    (own / "train/image/0000.png").write_bytes(b"")
    fakes.save(own / "train/image/0001.png", np.zeros((36, 48, 3), np.uint8))
    (own / "skip.txt").write_text("train/0001")
    data = folders(own, tasks=["depth"], camera=camera, skip=own / "skip.txt")
    source = data.source("test")
    source.read(source.records[0], [])


@pytest.mark.parametrize(
    ("task", "spoil"),
    [
        ("segmentation", lambda file: Image.new("1", (64, 48)).save(file)),
        ("edges", lambda file: Image.new("LA", (64, 48)).save(file)),
        ("depth", lambda file: file.write_bytes(file.read_bytes()[:-30])),
        ("normals", lambda file: fakes.save(file, np.full((*fakes.SIZE, 3), 255, np.uint8))),
    ],
)
def test_files_of_ones_own_are_not_unpacked_again(
    own: Path, task: str, spoil: Callable[[Path], None]
) -> None:
    spoil(label(own, task))
    with pytest.raises(UnreadableFileError, match=r"Write it again in that form, or put") as error:
        first(folders(own, tasks=[task]))
    assert "archive" not in str(error.value)


@pytest.mark.parametrize(("task", "side"), [("depth", 48), ("normals", 2)])
def test_arrays_of_ones_own_are_not_unpacked_again(own: Path, task: str, side: int) -> None:
    label(own, task).unlink()
    fakes.save(label(own, task, ".npy"), np.ones((48, 64, side), np.float32))
    with pytest.raises(UnreadableFileError, match=r"shape .*Write it again in that form, or put"):
        first(folders(own, tasks=[task]))


def test_accents_of_images_and_labels_are_spelled_in_two_ways(own: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "été/é") for form in ("NFC", "NFD"))
    mixed = composed[:3] + decomposed[5:]
    assert len({composed, decomposed, mixed}) == 3
    fakes.write_picture(own, "val", decomposed)
    for task, name in (("depth", composed), ("edges", mixed)):
        target = fakes.path(own, "val", task, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        fakes.path(own, "val", task, decomposed).rename(target)
    data = folders(own)
    assert [each.name for each in data.records("val")] == ["val/0001", f"val/{composed}"]
    assert data.unpaired("val") == []
    source = data.source("val")
    assert source.read(source.records[1], data.reads)["depth"][5, 5] == 4
    for spelling in (composed, decomposed):
        (own / "skip.txt").write_text(f"val/{spelling}", encoding="utf-8")
        data = folders(own, skip=own / "skip.txt")
        assert data.unmatched() == []
        assert [each.name for each in data.source("val").records] == ["val/0001"]
    shutil.copy(label(own, "image"), own / "val/image/é.png")
    shutil.copy(label(own, "image"), own / "val/image" / unicodedata.normalize("NFD", "é.png"))
    with pytest.raises(ValueError, match="should hold one file called"):
        folders(own).records("val")


def test_link_that_leads_nowhere_is_named_with_its_end(own: Path) -> None:
    file = label(own, "segmentation")
    file.rename(own / "gone.png")
    file.symlink_to(own / "gone.png")
    (own / "gone.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"val/segmentation/0001.png` does not exist"):
        first(folders(own))
    (problem,) = check(folders(own), processes=0).problems
    assert problem.name == "val/0001"
