"""Camera files are needed by those tasks alone that are computed with them."""

import shutil
from pathlib import Path

import pytest

from datamodules import Cityscapes, Taskonomy
from datamodules.check import check
from datamodules.files import DatasetNotFoundError
from datamodules.prepared.prepare import prepare
from tests.fakes import cityscapes as streets
from tests.fakes import taskonomy as rooms

VIEW = ("hanson", 9, 2)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return streets.write_tree(tmp_path / "cityscapes")


def cityscapes(root: Path, *tasks: str) -> Cityscapes:
    return Cityscapes(root, (32, 64), tasks=tasks, batch_size=2, workers=0)


def remove(root: Path) -> None:
    shutil.rmtree(root)


def empty(root: Path) -> None:
    for file in root.rglob("*.json"):
        file.unlink()


def break_all(root: Path) -> None:
    for file in root.rglob("*.json"):
        file.write_text("{")


DAMAGES = [remove, empty, break_all]


@pytest.mark.parametrize("archives", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_streets_without_cameras_can_be_segmented(tmp_path: Path, archives: bool, damage) -> None:
    root = streets.write_tree(tmp_path, archives)
    prefix = "{}_trainvaltest/{}" if archives else "{}"
    damage(root / prefix.format("camera", "camera"))
    shutil.rmtree(root / prefix.format("disparity", "disparity"))
    data = cityscapes(root, "segmentation", "edges")
    data.setup()
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        batch = next(iter(loader))
        assert batch.keys() - {"size"} == {"image", "name", "segmentation", "edges"}
    report = check(data, processes=0)
    assert not any(split.bad for split in report.splits.values())
    assert all("official" in problem.message for problem in report.problems)


@pytest.mark.parametrize("task", ["depth", "normals"])
def test_depth_from_disparity_needs_the_camera(tree: Path, task: str) -> None:
    data = cityscapes(tree, task)
    data.setup("fit")
    assert data.samples["train"][0].keys() == {"image", "name", "camera", task}
    empty(tree / "camera")
    with pytest.raises(FileNotFoundError, match=r"aachen_000000_000019_camera\.json"):
        data.samples["train"][0]
    report = check(data, processes=0)
    assert len(report.splits["train"].bad) == 4


def test_missing_folders_are_those_of_the_tasks(tree: Path) -> None:
    for kind in ("gtFine", "disparity", "camera"):
        shutil.rmtree(tree / kind)
    for task, folders in (("segmentation", "`gtFine`"), ("depth", "`disparity`, `camera`")):
        with pytest.raises(DatasetNotFoundError, match=f"expected the folders {folders}. The"):
            cityscapes(tree, task).setup("fit")
    cityscapes(tree, "edges").setup("fit")


def test_images_to_predict_on_need_no_camera(tree: Path) -> None:
    empty(tree / "camera")
    data = cityscapes(tree, "segmentation", "depth")
    data.setup("predict")
    assert next(iter(data.predict_dataloader())).keys() == {"image", "name", "size"}


def test_a_copy_with_depth_is_not_taken_for_one_without_cameras(tree: Path) -> None:
    prepare(cityscapes(tree, "segmentation", "depth"), processes=0)
    data = cityscapes(tree, "segmentation")
    with pytest.warns(UserWarning, match="Only copies with other settings"):
        data.setup("validate")
    assert data.samples["val"][0].keys() == {"image", "name", "size", "segmentation"}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("task", ["segmentation", "depth", "edges"])
def test_rooms_need_cameras_with_normals_alone(tmp_path: Path, task: str, damage) -> None:
    rooms.write_view(tmp_path, *VIEW)
    damage(tmp_path / "point_info")
    data = Taskonomy(tmp_path, (32, 32), tasks=[task], batch_size=1, workers=0)
    source = data.source("train")
    assert source.read(source.records[0], data.reads).keys() == {"image", "name", task}


@pytest.mark.parametrize("damage", [empty, break_all])
def test_normals_come_with_their_camera(tmp_path: Path, damage) -> None:
    rooms.write_view(tmp_path, *VIEW)
    source = Taskonomy(tmp_path, (32, 32), tasks=["normals"]).source("train")
    assert "camera" in source.read(source.records[0], ["normals"])
    damage(tmp_path / "point_info")
    with pytest.raises((FileNotFoundError, ValueError), match=r"point_info\.json"):
        source.read(source.records[0], ["normals"])


def test_other_tasks_of_the_same_rooms_do_without(tmp_path: Path) -> None:
    rooms.write_view(tmp_path, *VIEW)
    source = Taskonomy(tmp_path, (32, 32)).source("train")
    break_all(tmp_path / "point_info")
    # As `check` reads each task by itself, and `predict` none.
    for tasks in (["depth"], []):
        assert source.read(source.records[0], tasks).keys() == {"image", "name", *tasks}


def test_a_copy_with_normals_is_not_taken_for_one_without_cameras(tmp_path: Path) -> None:
    rooms.write_view(tmp_path, *VIEW)
    prepare(Taskonomy(tmp_path, (32, 32), tasks=["depth", "normals"]), processes=0)
    with pytest.warns(UserWarning, match="Only copies with other settings"):
        source = Taskonomy(tmp_path, (32, 32), tasks=["depth"]).source("train")
    assert source.read(source.records[0], ["depth"]).keys() == {"image", "name", "depth"}
