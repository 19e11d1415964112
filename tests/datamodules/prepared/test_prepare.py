"""Copies are written once, go on after a kill, are verified, and say what they need."""

import os
import signal
import warnings
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.prepared import Copy, copies_of
from datamodules.prepared.identity import described
from datamodules.prepared.prepare import Reading, prepare
from datamodules.prepared.writer import Writer
from tests.fakes.tree import Tree, assert_prepared, change_pixel, write_tree

TASKS = ("segmentation", "depth")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree")


def test_second_run_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder, *_) = prepare(Tree(root), processes=0)
    # 5 + 3 samples of 16 x 24 or 20 x 24 pixels at 3 + 1 + 4 bytes, and 4 floats of camera: the
    # first, third and fifth of train are small, the first and third of val.
    space = 8 * 24 * (5 * 16 + 3 * 20) + 8 * 16
    assert f"8 samples to write, about {space / 1e9:.3g} GB" in capsys.readouterr().out
    before = (folder / "image.raw").stat().st_mtime_ns
    prepare(Tree(root), processes=0)
    assert "to write" not in capsys.readouterr().out
    assert (folder / "image.raw").stat().st_mtime_ns == before


def test_copy_without_a_task_is_completed(root: Path) -> None:
    prepare(Tree(root, tasks=["depth"]), processes=0)
    data = Tree(root)
    with pytest.warns(UserWarning, match=r"lacks \['segmentation'\]"):
        assert not isinstance(data.source("train").read, Copy)
    prepare(Tree(root, tasks=["segmentation"]), processes=0)
    assert_prepared(data)  # depth was kept


def prepare_in_child(data: Tree) -> int | None:
    child = get_context("fork").Process(target=prepare, args=(data, None, 0))
    child.start()
    child.join(60)
    return child.exitcode


def test_killed_run_goes_on_where_it_stopped(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Tree(root)
    (folder, *_) = [copies_of(data.reader(), root) / "train"]
    monkeypatch.setattr(
        "datamodules.prepared.prepare.ESTIMATED_FROM", 1
    )  # reads the first sample only
    with monkeypatch.context() as killed:
        calls = iter(range(100))

        def read_rgb(file: Path) -> np.ndarray:
            if file.name.startswith("train3"):
                os.kill(os.getpid(), signal.SIGKILL)
            next(calls)
            return cv2.imread(str(file))[..., ::-1].copy()

        killed.setattr("tests.fakes.tree.read_rgb", read_rgb)
        assert prepare_in_child(data) == -signal.SIGKILL
    assert not isinstance(data.source("train").read, Copy)
    partial = folder.with_name("train.unfinished")
    assert len((partial / "names.txt").read_text().splitlines()) == 3
    # As a kill in the middle of writing an array leaves it.
    with (partial / "depth.raw").open("ab") as file:
        file.write(b"half of a depth map")
    capsys.readouterr()
    prepare(data, processes=0)
    assert "5 samples to write" in capsys.readouterr().out  # 2 of train, 3 of val
    assert not partial.exists()
    assert_prepared(data)


def test_unfinished_copy_of_changed_files_is_not_continued(root: Path) -> None:
    data = Tree(root)
    reader = data.reader()
    shots = data.original("train").records
    reading = Reading(data.original("train"), TASKS, {"segmentation": 3}, root, 0)
    keys = ("image", "camera", *TASKS)
    writer = Writer(copies_of(reader, root) / "train", keys, {"settings": described(reader, root)})
    writer.write(map(reading, range(3)), 0)
    names = [shot.name for shot in shots]
    assert writer.written(names, root) == 3
    change_pixel(root)
    assert writer.written(names, root) == 1
    prepare(data, processes=0)
    assert_prepared(data)


def test_a_disk_that_gives_back_other_bytes_is_noticed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(range(10**6))
    monkeypatch.setattr("datamodules.prepared.writer._checksum", lambda array: next(numbers))
    with pytest.raises(OSError, match="came back from the disk otherwise"):
        prepare(Tree(root), processes=0)
    assert not copies_of(Tree(root).reader(), root).joinpath("train").exists()


def test_bad_sample_is_named_and_what_was_written_is_kept(root: Path) -> None:
    file = root / "train" / "train3_depth.png"
    content = file.read_bytes()
    file.write_bytes(content[:40])
    with pytest.raises(ValueError, match=r"train3_depth\.png"):
        prepare(Tree(root), processes=0)
    file.write_bytes(content)
    prepare(Tree(root), processes=0)
    assert_prepared(Tree(root))


def test_killed_worker_names_the_sample(root: Path) -> None:
    prepare(Tree(root), processes=0)
    data = Tree(root, deadly="train4")
    with warnings.catch_warnings(action="ignore"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("datamodules.prepared.prepare.ESTIMATED_FROM", 1)
        with pytest.raises(ChildProcessError, match=r"`train4`.*killed"):
            prepare(data, processes=1)


def test_too_little_space_is_said_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage)
    with pytest.raises(ValueError, match="free, found 1e-06 GB"):
        prepare(Tree(root), processes=0)
    assert not (root / "prepared").exists()


def test_copies_elsewhere_are_found_by_a_link(root: Path, tmp_path: Path) -> None:
    data = Tree(root)
    prepare(data, out=tmp_path / "disk", processes=0)
    assert (root / "prepared").is_symlink()
    assert next((tmp_path / "disk").rglob("image.raw"))
    assert_prepared(data)
    prepare(data, out=tmp_path / "disk", processes=0)
    other = write_tree(tmp_path / "other")
    prepare(Tree(other), processes=0)
    with pytest.raises(ValueError, match="holds copies already"):
        prepare(Tree(other), out=tmp_path / "disk", processes=0)


def test_copies_elsewhere_are_found_by_the_variable(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAMODULES_PREPARED", str(tmp_path / "disk"))
    prepare(Tree(root), processes=0)
    assert_prepared(Tree(root))
    assert not (root / "prepared").exists()
    # Another dataset of the same kind and settings does not take this one's copies.
    other = Tree(write_tree(tmp_path / "other"))
    assert not isinstance(other.source("train").read, Copy)


def test_two_runs_at_once_are_refused(root: Path) -> None:
    folder = copies_of(Tree(root).reader(), root) / "train"
    with (
        Writer(folder, ["image"], {}).alone(),
        pytest.raises(ValueError, match="Another process is writing"),
    ):
        prepare(Tree(root), processes=0)
