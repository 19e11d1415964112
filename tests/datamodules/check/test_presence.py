"""What `check` sees in the names of files: counts, parts that are absent, labels without images."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from datamodules import VKITTI2, Cityscapes, NYUDv2, Synthia, Taskonomy
from datamodules.check import Report, check
from datamodules.check.presence import expected, unpaired, unwritten
from datamodules.files import FileDataModule
from datamodules.writing import make_plan, write_scenes
from tests.fakes import cityscapes, nyudv2, synthia, taskonomy, vkitti2
from tests.fakes.tree import Tree, write_tree

SIZE = (16, 24)


def messages(report: Report) -> list[str]:
    return [problem.message for problem in report.problems]


def lone_cityscapes(root: Path) -> tuple[FileDataModule, list[Path]]:
    cityscapes.write_tree(root)
    lone = "aachen_000001_000019"
    cityscapes.path(root, "train", lone, "leftImg8bit.png").unlink()
    endings = ("gtFine_labelIds.png", "disparity.png")
    return Cityscapes(root, SIZE), [cityscapes.path(root, "train", lone, e) for e in endings]


def lone_synthia(root: Path) -> tuple[FileDataModule, list[Path]]:
    synthia.write_tree(root)
    for name in ("0000187", "0000752"):  # one for training, one for validation
        synthia.path(root, "RGB", name).unlink()
    return Synthia(root, SIZE), [
        synthia.path(root, folder, "0000187") for folder in ("GT/LABELS", "Depth")
    ]


def lone_vkitti2(root: Path) -> tuple[FileDataModule, list[Path]]:
    vkitti2.write_drive(root, "Scene01", (0, 3, 11), cameras=(0, 1))
    for number in (3, 11):
        vkitti2.frame_file(root, "rgb", number=number, camera=1).unlink()
    files = [
        vkitti2.frame_file(root, kind, number=number, camera=1)
        for kind in ("classSegmentation", "depth")
        for number in (3, 11)
    ]
    return VKITTI2(root, SIZE, scenes={"train": ["Scene01"]}, cameras=[0, 1]), files


def lone_taskonomy(root: Path) -> tuple[FileDataModule, list[Path]]:
    for view in ((1, 2), (10, 0), (9, 0)):
        taskonomy.write_view(root, "hanson", *view)
    for view in ((10, 0), (9, 0)):
        taskonomy.view_file(root, "rgb", "hanson", *view).unlink()
    domains = ("segment_semantic", "depth_zbuffer", "normal", "edge_texture")
    return Taskonomy(root, SIZE), [
        taskonomy.view_file(root, domain, "hanson", *view)
        for domain in domains
        for view in ((9, 0), (10, 0))
    ]


def lone_nyudv2(root: Path) -> tuple[FileDataModule, list[Path]]:
    nyudv2.write_mtan(root)
    (root / "train" / "image" / "10.npy").unlink()
    folders = [root / "train" / kind for kind in ("label", "depth", "normal")]
    return NYUDv2(root, SIZE, label_space="nyu_13"), [folder / "10.npy" for folder in folders]


Lone = Callable[[Path], tuple[FileDataModule, list[Path]]]


@pytest.mark.parametrize(
    "write", [lone_cityscapes, lone_synthia, lone_vkitti2, lone_taskonomy, lone_nyudv2]
)
def test_labels_without_an_image_are_found(write: Lone, tmp_path: Path) -> None:
    data, files = write(tmp_path)
    assert data.unpaired("train") == files
    (problem,) = (p for p in unpaired(data, "train") if "without an image" in p.message)
    assert f"the split `train` has {len(files)} label files" in problem.message
    assert all(f"`{file.relative_to(tmp_path)}`" in problem.message for file in files)
    # Labels of a task that is not read are nobody's concern.
    data.tasks = ("depth",)
    assert data.unpaired("train") == [
        file for file in files if "epth" in str(file) or "disp" in str(file)
    ]


def test_every_file_of_a_whole_tree_has_its_image(tmp_path: Path) -> None:
    data = Cityscapes(cityscapes.write_tree(tmp_path), SIZE)
    assert [data.unpaired(split) for split in ("train", "val", "test")] == [[], [], []]


def test_official_file_has_no_lone_labels(tmp_path: Path) -> None:
    data = NYUDv2(nyudv2.write_multitask(tmp_path, png=True), SIZE)
    assert data.unpaired("train") == []


def test_check_reports_lone_labels_and_buildings_once(tmp_path: Path) -> None:
    data, _ = lone_taskonomy(tmp_path)
    taskonomy.write_view(tmp_path, "darden", 0, 0)
    taskonomy.write_view(tmp_path, "ihlen", 0, 0)
    report = check(data, processes=0)
    assert not report.ok
    train = [message for message in messages(report) if "`train`" in message]
    assert len(train) == 2
    assert "24 of 25 buildings are not in" in train[0]
    assert "allensville, beechwood" in train[0]
    assert "woodbine" in train[0]
    assert "8 label files without an image" in train[1]
    assert sum("3 of 4 buildings" in message for message in messages(report)) == 1


def test_lone_labels_of_a_split_that_serves_twice_are_said_once(tmp_path: Path) -> None:
    root = cityscapes.write_tree(tmp_path)
    cityscapes.path(root, "val", "frankfurt_000001_000019", "leftImg8bit.png").unlink()
    report = check(Cityscapes(root, SIZE), processes=0)
    assert sum("without an image" in message for message in messages(report)) == 1


MAKERS: dict[str, type[FileDataModule]] = {
    "taskonomy": Taskonomy,
    "nyudv2": NYUDv2,
    "cityscapes": Cityscapes,
    "synthia": Synthia,
    "vkitti2": VKITTI2,
}


@pytest.mark.parametrize("word", MAKERS)
def test_a_whole_stand_in_lacks_nothing(word: str, tmp_path: Path) -> None:
    write_scenes(word, tmp_path, count=2, size=SIZE, processes=0)
    report = check(MAKERS[word](tmp_path, SIZE, tasks=["segmentation"]), processes=0)
    assert report.ok
    assert [split.official for split in report.splits.values()] == [None, None, None]


def test_incomplete_stand_in_is_reported(tmp_path: Path) -> None:
    write_scenes("cityscapes", tmp_path, count=2, size=SIZE, processes=0)
    (image, *_) = sorted((tmp_path / "leftImg8bit" / "train").rglob("*.png"))
    image.unlink()
    report = check(Cityscapes(tmp_path, SIZE, tasks=["segmentation"]), processes=0)
    first, second = messages(report)
    assert "1 label files without an image: `gtFine/train/aachen/" in first
    assert second == (
        "1 files are missing that were to be drawn, as `scenes.json` says:"
        f" `{image.relative_to(tmp_path)}`. Run the same `lightning scenes` again to complete them"
    )


@pytest.mark.parametrize("content", ["{}", "", '{"as": "synthia", "form": "plain", "count": 4}'])
def test_stand_in_of_unknown_settings_lacks_nothing(tmp_path: Path, content: str) -> None:
    data = Tree(write_tree(tmp_path / "tree"))
    (data.root / "scenes.json").write_text(content)
    assert expected(data, "train") is None
    assert unwritten(data) == []


def test_stand_in_of_another_dataset_lacks_nothing(tmp_path: Path) -> None:
    settings = make_plan("synthia", tmp_path, 4, size=SIZE).settings
    (tmp_path / "scenes.json").write_text(json.dumps(settings))
    assert unwritten(Cityscapes(tmp_path, SIZE)) == []
    assert len(unwritten(Synthia(tmp_path, SIZE))) == 1


def test_skip_list_with_names_of_no_sample_is_reported(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree")
    skip = tmp_path / "skip.txt"
    skip.write_text("train2\ntrian3\nval9\n")
    report = check(Tree(root, skip=skip), processes=0)
    assert messages(report) == [f"`skip`, `{skip}`, has 2 names of no sample: `trian3`, `val9`"]
    assert report.splits["train"].skipped == ["train2"]
    # The list that is written anew does without them.
    assert report.write_skip_list(skip) == 1
    assert check(Tree(root, skip=skip), processes=0).ok
