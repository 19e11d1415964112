"""Checkpoints are written whole or not at all, and read as data."""

import errno
import os
import pickle
import stat
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch

from vtagml.checkpoints import AtomicCheckpointIO, read_checkpoint
from vtagml.checkpoints import checkpoint_io as module
from vtagml.run_folder import whole_file


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


def full_disk(content: object, file: BinaryIO) -> None:
    file.write(b"the beginning")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_content_comes_back(tmp_path: Path) -> None:
    io = AtomicCheckpointIO()
    io.save_checkpoint({"weight": torch.arange(3), "step": 7}, tmp_path / "new" / "a.ckpt")
    found = io.load_checkpoint(tmp_path / "new" / "a.ckpt")
    assert found["step"] == 7
    assert torch.equal(found["weight"], torch.arange(3))
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["a.ckpt"]


def test_error_while_writing_leaves_the_old_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")

    def interrupted() -> None:
        with whole_file(file) as opened:
            opened.write(b"new, but not all of i")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_content_is_on_the_disk_before_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    sync, replace = os.fsync, Path.replace

    def noted_sync(descriptor: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "content")
        sync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        events.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    with whole_file(tmp_path / "a") as file:
        file.write(b"new")
    assert events == ["content", "name", "folder"]


def test_files_beside_a_checkpoint_stay_whatever_they_are_called(tmp_path: Path) -> None:
    beside = {".a.ckpt.mine.partial", ".a.ckpt.12345.partial", ".a.ckpt.1.vtagml.partial"}
    for name in beside:  # the last may be what another process is writing at this moment
        (tmp_path / name).touch()
    AtomicCheckpointIO().save_checkpoint({}, tmp_path / "a.ckpt")
    assert {each.name for each in tmp_path.iterdir()} == {"a.ckpt", *beside}


def test_full_disk_keeps_the_last_good_and_is_said_aloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    io = AtomicCheckpointIO()
    io.save_checkpoint({"step": 1}, tmp_path / "last.ckpt")
    with monkeypatch.context() as patch:
        patch.setattr(module.torch, "save", full_disk)
        with pytest.warns(UserWarning, match=r"last.ckpt` could not be written .*No space left"):
            io.save_checkpoint({"step": 2}, tmp_path / "last.ckpt")
        io.remove_checkpoint(tmp_path / "last.ckpt")  # the one that was to be replaced
    assert read_checkpoint(tmp_path / "last.ckpt") == {"step": 1}
    assert len(list(tmp_path.iterdir())) == 1
    assert "No space left" in str(io.failure)
    io.save_checkpoint({"step": 3}, tmp_path / "last.ckpt")
    assert io.failure is None
    io.remove_checkpoint(tmp_path / "last.ckpt")
    assert list(tmp_path.iterdir()) == []


def test_really_full_device_is_no_other_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs Linux's device that is always full")
    # torch's writer reports the failure of the file below it in its own words.
    io = AtomicCheckpointIO()
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "whole_file", lambda path: full)
        with pytest.warns(UserWarning, match="No space left on device"):
            io.save_checkpoint({"weight": torch.zeros(9)}, "last.ckpt")


def test_error_in_the_content_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        AtomicCheckpointIO().save_checkpoint({"f": lambda: 1}, tmp_path / "a.ckpt")


@pytest.mark.parametrize("legacy", [False, True])
def test_hostile_pickle_is_refused_and_runs_nothing(tmp_path: Path, legacy: bool) -> None:
    created, file = tmp_path / "created", tmp_path / "gift.ckpt"
    torch.save({"state_dict": Hostile(created)}, file, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ValueError, match=r"was refused: it holds `\w+\.mkdir`.* code that would"):
        AtomicCheckpointIO().load_checkpoint(file, weights_only=False)
    assert not created.exists()
    torch.load(file, weights_only=False)
    assert created.exists()  # so the pickle was a real one


def test_plain_hostile_pickle_is_refused(tmp_path: Path) -> None:
    created, file = tmp_path / "created", tmp_path / "gift.ckpt"
    file.write_bytes(pickle.dumps(Hostile(created)))
    with pytest.raises(ValueError, match=r"gift.ckpt"):
        read_checkpoint(file)
    assert not created.exists()


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_file_that_is_cut_off_is_one_message(tmp_path: Path, kept: float) -> None:
    file = tmp_path / "a.ckpt"
    AtomicCheckpointIO().save_checkpoint({"weight": torch.zeros(1000)}, file)
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=r"could not be read .* cut off, damaged"):
        read_checkpoint(file, "meta")


def test_flipped_bit_in_a_weight_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a.ckpt"
    weight = torch.full((1000,), 0.7)
    AtomicCheckpointIO().save_checkpoint({"weight": weight}, file)
    content = bytearray(file.read_bytes())
    content[content.index(weight.numpy().tobytes()) + 100] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="does not match its checksum"):
        read_checkpoint(file, "meta")
