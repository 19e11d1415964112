"""Each kind of damage is reported, with the sample's name; an intact dataset is not."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from datamodules import Cityscapes, Scenes
from datamodules.check import Report, check
from datamodules.check.examination import TaskStatistics, value_problem
from datamodules.check.tables import show
from datamodules.files import DatasetNotFoundError
from datamodules.writing import write_scenes
from tests.fakes.tree import CLASSES, Tree, write_tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree")


def problems(report: Report) -> list[tuple[str, str | None]]:
    return [(problem.split, problem.name) for problem in report.problems]


@pytest.mark.parametrize("processes", [0, 2])
def test_intact_dataset_is_counted(root: Path, processes: int) -> None:
    report = check(Tree(root), processes)
    assert report.ok
    assert report.problems == []
    assert {split: found.found for split, found in report.splits.items()} == {
        "train": 5,
        "val": 3,
        "test": 3,
    }
    train = report.splits["train"]
    # Every other sample is of the second size, beginning with the first.
    assert train.sizes == {(16, 24): 3, (20, 24): 2}
    pixels = 24 * (3 * 16 + 2 * 20)
    classes, depth = train.tasks["segmentation"], train.tasks["depth"]
    assert classes.pixels == depth.pixels == pixels
    # Ids 0 to 3 have a quarter of the columns each, and 3 means unknown.
    assert classes.unknown == pixels // 4
    assert classes.histogram.tolist() == [pixels // 4] * 3
    # The first row of each depth map is 0; sample i is i + 1 metres deep.
    assert depth.unknown == 5 * 24
    assert (depth.low, depth.high) == (1.0, 5.0)
    assert "edges" not in train.tasks  # derived, so there is no file to check


def image_of(root: Path, name: str, kind: str = "image") -> Path:
    (file,) = root.glob(f"*/{name}_{kind}.png")
    return file


def empty(file: Path) -> None:
    file.write_bytes(b"")


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-30])


def make_eight_bits(file: Path) -> None:
    cv2.imwrite(str(file), np.ones((16, 24), np.uint8))


def make_small(file: Path) -> None:
    cv2.imwrite(str(file), np.ones((8, 12), np.uint16))


def make_other_classes(file: Path) -> None:
    cv2.imwrite(str(file), np.full((16, 24), 9, np.uint8))


@pytest.mark.parametrize(
    ("kind", "damage", "word"),
    [
        ("image", empty, "image.png"),
        ("image", truncate, "image.png"),
        ("depth", Path.unlink, "depth.png"),
        ("depth", truncate, "depth.png"),
        ("depth", make_eight_bits, "depth.png"),
        ("depth", make_small, "`depth` should have the image's 16 x 24 pixels"),
        ("classes", make_other_classes, "IndexError"),
    ],
)
def test_damaged_sample_is_named(
    root: Path, kind: str, damage: Callable[[Path], None], word: str
) -> None:
    damage(image_of(root, "train2", kind))
    report = check(Tree(root), processes=0)
    assert not report.ok
    assert set(problems(report)) == {("train", "train2")}
    assert report.splits["train"].bad == ["train2"]
    assert word in report.problems[0].message
    # The others are counted all the same.
    assert report.splits["train"].tasks["depth"].high == 5.0


def make_unknown(file: Path) -> None:
    # 0 is unknown depth, 3 an unknown class.
    unknown = {"depth": np.zeros((16, 24), np.uint16), "classes": np.full((16, 24), 3, np.uint8)}
    cv2.imwrite(str(file), unknown[file.stem.split("_")[1]])


def make_grey(file: Path) -> None:
    cv2.imwrite(str(file), np.full((16, 24, 3), (10, 20, 30), np.uint8))


EMPTIED = [
    ("image", make_grey, "`image` should show something"),
    ("depth", make_unknown, "`depth` should be known somewhere"),
    ("classes", make_unknown, "`segmentation` should be known somewhere"),
]


@pytest.mark.parametrize("name", ["train2", "val2"])
@pytest.mark.parametrize(("kind", "damage", "word"), EMPTIED)
def test_sample_that_teaches_nothing_is_named(
    root: Path, name: str, kind: str, damage: Callable[[Path], None], word: str
) -> None:
    damage(image_of(root, name, kind))
    report = check(Tree(root), processes=0)
    split = name.rstrip("2")
    # The validation split is the test split, too: it is said once.
    assert problems(report) == [(split, name)]
    assert report.problems[0].message.startswith(word)
    assert report.splits[split].bad == [name]


def test_withheld_labels_are_no_problem(tmp_path: Path) -> None:
    root = tmp_path / "cityscapes"
    write_scenes("cityscapes", root, count=1, size=(16, 24), processes=0)
    for file in root.glob("gtFine/test/*/*_labelIds.png"):
        cv2.imwrite(str(file), np.zeros((16, 24), np.uint8))  # void, as in the archive
    data = Cityscapes(root, (16, 24), test_split="test", tasks=["segmentation"])
    report = check(data, processes=0)
    assert report.ok
    assert report.splits["test"].tasks["segmentation"].empty == 1


def test_every_missing_partner_is_reported(root: Path) -> None:
    image_of(root, "val1", "depth").unlink()
    truncate(image_of(root, "val1", "classes"))
    report = check(Tree(root), processes=0)
    messages = " ".join(problem.message for problem in report.problems)
    assert "val1_depth.png" in messages
    assert "val1_classes.png" in messages
    assert report.splits["val"].bad == ["val1"]


def test_a_task_that_is_not_asked_for_may_be_missing(root: Path) -> None:
    image_of(root, "val1", "depth").unlink()
    assert check(Tree(root, tasks=["segmentation", "edges"]), processes=0).ok


def test_incomplete_split_is_reported(root: Path) -> None:
    image_of(root, "train4").unlink()
    report = check(Tree(root), processes=0)
    assert problems(report) == [("train", None)]
    assert "4 of the official 5" in report.problems[0].message


def test_drawn_stand_in_lacks_nothing(root: Path) -> None:
    image_of(root, "train4").unlink()
    (root / "scenes.json").write_text("{}")  # as `lightning scenes` leaves it
    report = check(Tree(root), processes=0)
    assert report.ok
    assert report.splits["train"].official is None


def test_missing_split_is_reported_and_the_others_are_read(root: Path) -> None:
    (root / "train").rename(root / "elsewhere")
    report = check(Tree(root), processes=0)
    assert problems(report) == [("train", None)]
    assert "`train`" in report.problems[0].message
    assert report.splits["val"].found == 3


def test_missing_dataset_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="lightning scenes --as folders"):
        check(Tree(tmp_path / "nowhere"), processes=0)


def test_a_sample_in_two_splits_is_a_leak(root: Path) -> None:
    for file in (root / "train").glob("train0_*"):
        file.rename(root / "val" / file.name)
    for file in (root / "val").glob("train0_*"):
        (root / "train" / file.name).write_bytes(file.read_bytes())
    report = check(Tree(root), processes=0)
    assert ("val", "train0") in problems(report)
    assert any("also in the split `train`" in problem.message for problem in report.problems)


def test_killed_worker_is_reported_and_nothing_hangs(root: Path) -> None:
    report = check(Tree(root, deadly="train1"), processes=2)
    assert problems(report) == [("train", "train1")]
    assert "killed" in report.problems[0].message
    found = report.splits["train"].tasks["depth"]
    assert found.pixels == 24 * (3 * 16 + 20)  # those of the other four


def test_skip_list_makes_the_dataset_usable(root: Path, tmp_path: Path) -> None:
    empty(image_of(root, "train2"))
    truncate(image_of(root, "val0", "depth"))
    file = tmp_path / "bad.txt"
    assert check(Tree(root), processes=0).write_skip_list(file) == 2
    data = Tree(root, skip=file)
    again = check(data, processes=0)
    assert again.ok
    assert again.splits["train"].skipped == ["train2"]
    assert again.splits["train"].found == 5
    data.setup()
    assert len(data.samples["train"]) == 4
    # Written over itself, the list keeps what is on it.
    empty(image_of(root, "train3"))
    assert check(data, processes=0).write_skip_list(file) == 3


def test_datasets_without_files_can_be_checked() -> None:
    scenes = Scenes(image_size=(32, 32), train=2, val=1, test=1, cache=None)
    report = check(scenes, processes=0)
    assert report.ok
    assert report.splits["train"].official is None
    assert report.splits["train"].tasks["normals"].pixels == 2 * 32 * 32


def text_of(report: Report, shown: int = 20) -> str:
    console = Console(file=io.StringIO(), width=140)
    show(report, console, shown)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_table_shows_counts_classes_and_problems(root: Path) -> None:
    intact = text_of(check(Tree(root), processes=0))
    assert "Nothing is wrong" in intact
    assert all(name in intact for name in CLASSES)
    assert "33.33 %" in intact  # each class has a third of the known pixels
    assert "16 × 24, 20 × 24" in intact
    for name in ("train0", "train1", "train2"):
        empty(image_of(root, name))
    damaged = text_of(check(Tree(root), processes=0), shown=1)
    assert "train0_image.png" in damaged
    assert "train1_image.png" not in damaged
    assert "and 2 more" in damaged
    assert "3 samples cannot be used" in damaged


def test_statistics_of_nothing_known() -> None:
    found = TaskStatistics.of(np.full((2, 3), np.nan, np.float32), None)
    assert (found.unknown, found.empty) == (6, 1)
    both = found + TaskStatistics.of(np.full((1, 1), 2, np.float32), None)
    assert (both.pixels, both.empty, both.low, both.high) == (7, 1, 2, 2)


@pytest.mark.parametrize(
    ("task", "label", "wrong"),
    [
        ("depth", np.array([[1.0, np.nan]]), False),
        ("depth", np.array([[1.0, 0.0]]), True),
        ("normals", np.array([[[0.0, 0.6, -0.8], [np.nan] * 3]]), False),
        ("normals", np.array([[[0.0, 0.6, -0.7]]]), True),
        ("edges", np.array([[0.0, 1.0, np.nan]]), False),
        ("edges", np.array([[1.01]]), True),
    ],
)
def test_values_that_no_reader_should_give(task: str, label: np.ndarray, wrong: bool) -> None:
    assert (value_problem(task, label) is not None) == wrong
