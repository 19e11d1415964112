"""Faults of disk and data through the command line, in this process."""

import errno
import os
from pathlib import Path
from typing import BinaryIO

import pytest
import torch
from safetensors import safe_open

from tests.fakes.errors import error_of
from tests.faults.killed_runs import CONFIG, LAST, METHODS
from vtagml.callbacks import affinity_heatmap
from vtagml.checkpoints import checkpoint_io
from vtagml.cli import main
from vtagml.run_folder import RunFolder

FIT = ["fit", f"--config={CONFIG}", f"--model.encoder={METHODS[1]}", "--trainer.max_steps=4"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(affinity_heatmap, "publish", lambda *_: None)  # half of such a run's time


def step_of(checkpoint: Path) -> int:
    return torch.load(checkpoint, weights_only=True)["global_step"]


@pytest.mark.filterwarnings("ignore:The checkpoint .* could not be written")
def test_disk_that_stays_full_ends_in_an_error_after_the_last_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = torch.save, []

    def full(content: dict, file: BinaryIO) -> None:
        saved.append(content["global_step"])
        if len(saved) > 1:
            file.write(b"some")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(content, file)

    monkeypatch.setattr(checkpoint_io.torch, "save", full)
    message = error_of(FIT, capsys)
    assert saved == [2, 4, 4]  # the last one is tried again
    assert "No space left" in message
    assert "--ckpt_path last" in message
    assert step_of(LAST) == 2
    assert [file.name for file in LAST.parent.iterdir()] == ["last.ckpt"]


def test_run_folder_that_cannot_be_made_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("in the way")
    assert "file" in error_of([*FIT, "--trainer.default_root_dir=file/run"], capsys)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_run_folder_without_the_right_to_write_is_one_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("runs").mkdir(mode=0o500)
    assert "Permission denied" in error_of(FIT, capsys)


def test_failing_command_leaves_the_earlier_run_where_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    LAST.parent.mkdir(parents=True)
    LAST.touch()
    RunFolder("runs/small").mark()
    error_of([*FIT, "--model.encoder=vtagml.encoders.Absent"], capsys)
    assert LAST.is_file()
    assert not Path("runs/small.1").exists()


def test_cut_off_newest_checkpoint_falls_back_to_an_earlier_one() -> None:
    main([*FIT, "--checkpoint.every_n_train_steps=3", "--checkpoint.filename={step}"])
    (newest,) = LAST.parent.iterdir()
    assert newest.name == "step=4.ckpt"
    newest.rename(LAST.with_name("kept.ckpt"))
    LAST.write_bytes(b"PK\x03\x04 cut off")
    with pytest.warns(UserWarning, match=r"last.ckpt` could not be read .* Taking `.*kept.ckpt`"):
        main([*FIT, "--ckpt_path=last", "--trainer.max_steps=6"])
    assert step_of(LAST) == 6


def test_export_leaves_the_frozen_backbone_out_and_another_run_starts_from_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(FIT)
    main(["export", f"--ckpt_path={LAST}", "--out=a.safetensors"])
    assert "a.safetensors" in capsys.readouterr().out
    trained = torch.load(LAST, weights_only=True)["state_dict"]
    with safe_open("a.safetensors", "pt") as file:
        names = set(file.keys())
        key = next(name for name in names if name.startswith("decoders") and "weight" in name)
        assert torch.equal(file.get_tensor(key), trained[f"network.{key}"])
    assert not [name for name in names if name.startswith("encoder.backbone")]
    start = ["--trainer.callbacks=vtagml.callbacks.LoadAdapters"]
    start += ["--trainer.callbacks.path=a.safetensors"]
    message = error_of([*FIT, *start, "--seed_everything=3"], capsys)
    assert "adapters mean nothing on another backbone" in message  # this one starts at random
