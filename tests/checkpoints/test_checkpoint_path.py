"""Which checkpoint a command starts from."""

import os
from pathlib import Path

import pytest
import torch

from vtagml.checkpoints import checkpoint_path


def checkpoint(path: Path, job: str | None = None, age: int = 0) -> str:
    torch.save({"callbacks": {"RunCheckpoint": {"job": job}, "Other": 1}}, path)
    os.utime(path, (1e9 - age, 1e9 - age))
    return str(path)


def test_last_is_the_newest(tmp_path: Path) -> None:
    last = checkpoint(tmp_path / "last.ckpt", age=2)
    checkpoint(tmp_path / "faulty.ckpt", age=1)
    assert checkpoint_path("last", tmp_path / "last.ckpt", "fit") == last
    assert checkpoint_path(None, tmp_path / "last.ckpt", "test") == last
    assert checkpoint_path(None, tmp_path / "last.ckpt", "fit") is None
    assert checkpoint_path("none", tmp_path / "last.ckpt", "test") is None


def test_newest_of_several_names(tmp_path: Path) -> None:
    checkpoint(tmp_path / "step=10.ckpt", age=2)
    newer = checkpoint(tmp_path / "step=9.ckpt", age=1)
    assert checkpoint_path("last", tmp_path / "{step}.ckpt", "fit") == newer


def test_broken_newest_falls_back_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"PK\x03\x04 cut off")
    checkpoint(tmp_path / "old.ckpt", age=9)
    best = checkpoint(tmp_path / "best.ckpt", age=5)
    with pytest.warns(UserWarning, match=r"last.ckpt` could not be read .* Taking `.*best.ckpt`"):
        assert checkpoint_path("last", tmp_path / "last.ckpt", "fit") == best


def test_nothing_but_broken_ones_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"last.ckpt` could not be read"):
        checkpoint_path("last", tmp_path / "last.ckpt", "fit")


def test_none_found_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="found no file"):
        checkpoint_path("last", tmp_path / "absent" / "last.ckpt", "fit")


def test_file_that_was_asked_for_is_not_replaced_by_another(tmp_path: Path) -> None:
    checkpoint(tmp_path / "last.ckpt")
    (tmp_path / "mine.ckpt").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"mine.ckpt` could not be read"):
        checkpoint_path(str(tmp_path / "mine.ckpt"), tmp_path / "last.ckpt", "fit")


def test_requeued_job_goes_on_from_its_own_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = tmp_path / "last.ckpt"
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    checkpoint(last, "77")
    checkpoint(tmp_path / "other.ckpt", "5")
    first_turns = {
        None: None,
        "none": None,
        str(tmp_path / "other.ckpt"): str(tmp_path / "other.ckpt"),
    }
    for given, start in first_turns.items():
        assert checkpoint_path(given, last, "fit") == start
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    for given in first_turns:  # its script is the same in every turn
        assert checkpoint_path(given, last, "fit") == str(last)
    assert checkpoint_path("none", last, "test") is None
    checkpoint(last, "76")  # left by an earlier run: this job was stopped before it began
    assert checkpoint_path(None, last, "fit") is None
    last.unlink()
    assert checkpoint_path(None, last, "fit") is None
