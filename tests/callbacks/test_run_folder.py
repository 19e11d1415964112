import os
from pathlib import Path

import pytest

from vtagml.callbacks.run_folder import Attempt
from vtagml.checkpoints.whole_file import write_whole


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert [each.name for each in path.parent.iterdir()] == ["file.txt"]


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.txt"
    write_whole(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file.txt"]


def fail(attempt: Attempt) -> None:
    with attempt():
        raise OSError("full")


def test_an_attempt_warns_once_and_goes_on() -> None:
    attempt = Attempt("The picture")
    with pytest.warns(UserWarning, match=r"The picture could not be made.*OSError: full"):
        fail(attempt)
    fail(attempt)  # Warnings are errors here: this one is silent.


def test_an_attempt_lets_interruptions_through() -> None:
    with pytest.raises(KeyboardInterrupt), Attempt("The picture")():
        raise KeyboardInterrupt
