"""What users type, and what they are told when they mistype."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import Callback, Trainer
from PIL import Image

from datamodules.drawn.scenes import DrawnScene
from datamodules.transforms import Sample
from tests.fakes.errors import error_of
from tests.fakes.small import SMALL
from vtagml.cli import COMMANDS, main

pytestmark = pytest.mark.usefixtures("no_pictures", "own_folder")  # they are looked at elsewhere
DEMO = Path(__file__).parents[1] / "experiments" / "scenes_sdne.yaml"


@pytest.fixture
def trained(demo_run: Path) -> Path:
    """The newest checkpoint of a run of two steps."""
    run = shutil.copytree(demo_run, "runs/scenes_sdne")
    return Path(run, "checkpoints/last.ckpt")


def test_a_mistake_is_one_message_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["report", "absent"])
    said = "error: `RUN` must be a run folder, there is no folder `absent`.\n"
    assert tuple(capsys.readouterr()) == ("", said)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(arguments)
    text = capsys.readouterr().out
    assert all(f"\n  {command} " in text for command in COMMANDS)
    assert "lightning fit --config experiments/scenes_sdne.yaml" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_fits_a_screen(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([command, "--help"])
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith(f"example: lightning {command} ")
    assert f"lightning {command} " in rest[1]
    assert len(rest) < 40


HELP = """
import sys
from vtagml.cli import COMMANDS, main

large = {"torch", "lightning", "timm", "torchmetrics", "wandb", "matplotlib", "numpy"}
for words in (["--help"], *([command, "--help"] for command in COMMANDS)):
    main(words)
    assert not large.intersection(sys.modules), (words, large.intersection(sys.modules))
"""


def test_help_imports_nothing_large() -> None:
    """In a process of its own; `lightning --help` took seconds when it imported torch."""
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_help_all_lists_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["fit", "--help-all"])
    assert stopped.value.code == 0
    assert "--trainer.accumulate_grad_batches" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["report runs --help", "scenes --help-all", "weights -h a"])
def test_help_of_a_command_without_keys_is_had_from_anywhere(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(words.split())
    assert capsys.readouterr().out.startswith(f"example: lightning {words.split()[0]} ")


def test_unknown_layout_lists_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    message = error_of(["fit", "--config", str(DEMO), *SMALL, "--data.layout=castle"], capsys)
    assert "castle" in message
    assert "room" in message


def test_checkpoint_of_another_model_is_one_message(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wider = "--model.decoders.init_args.decoder.init_args.width=64"
    message = error_of(
        ["test", "--config", str(DEMO), *SMALL, wider, f"--ckpt_path={trained}"], capsys
    )
    assert "The checkpoint's model is not the config's" in message


def test_fit_then_resume_then_predict(trained: Path) -> None:
    assert torch.load(trained, weights_only=True)["global_step"] == 2
    longer = [argument.replace("max_steps=2", "max_steps=4") for argument in SMALL]
    main(["fit", "--config", str(DEMO), *longer, f"--ckpt_path={trained}"])
    assert torch.load(trained, weights_only=True)["global_step"] == 4
    main(["predict", "--config", str(DEMO), *SMALL, f"--ckpt_path={trained}"])
    folder = Path("runs/scenes_sdne/predictions")
    with np.load(folder / "room-day-test-000001.npz") as arrays:
        assert arrays["segmentation"].shape == (64, 64)
        assert (arrays["depth"] > 0).all()
    with Image.open(folder / "room-day-test-000001_normals.png") as picture:
        assert picture.size == (64, 64)


def test_evaluation_takes_the_newest_checkpoint_of_the_run() -> None:
    # Two steps of a batch each, never a validation: the checkpoint must be there all the same.
    interval = [argument.replace("every_n_epoch=1", "every_n_epoch=3") for argument in SMALL]
    main(["fit", "--config", str(DEMO), *interval])
    after_fit = json.loads(Path("runs/scenes_sdne/metrics.json").read_text())["metrics"]["model"]
    main(["test", "--config", str(DEMO), *SMALL])
    tested = json.loads(Path("runs/scenes_sdne/metrics.json").read_text())["metrics"]["model"]
    assert tested.keys() == after_fit.keys()
    for task, metrics in after_fit.items():  # kernels may round differently in two runs
        assert tested[task] == pytest.approx(metrics, rel=1e-6), task


class Terminated(Callback):
    """Gets a scheduler's signal while a test runs."""

    def on_test_batch_start(self, trainer: Trainer, *_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("command", ["fit", "test"])
def test_a_stopped_test_does_not_end_as_if_all_were_well(command: str, trained: Path) -> None:
    terminated = ["--data.test=4", f"--trainer.callbacks={__name__}.Terminated"]
    with pytest.raises(SystemExit) as stopped:
        main([command, "--config", str(DEMO), *SMALL, *terminated])
    assert stopped.value.code == 128 + signal.SIGTERM
    assert trained.exists()


def test_evaluation_without_a_checkpoint_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    message = error_of(["predict", "--config", str(DEMO), *SMALL], capsys)
    assert "runs/scenes_sdne/checkpoints/last.ckpt" in message


def test_earlier_run_comes_back_if_the_new_one_never_starts(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = trained.read_bytes()
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(DEMO), *SMALL, "--data.batch_size=5"])
    assert "is runs/scenes_sdne again" in capsys.readouterr().err
    assert trained.read_bytes() == kept
    assert not Path("runs/scenes_sdne.1").exists()


def test_bad_sample_in_a_worker_is_one_message(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = DrawnScene.__call__

    def broken(self: DrawnScene, index: int, tasks: Sequence[str]) -> Sample:
        sample = draw(self, index, tasks)
        return sample | {"segmentation": np.full_like(sample["segmentation"], 77, np.int64)}

    monkeypatch.setattr(DrawnScene, "__call__", broken)
    workers = [argument.replace("workers=0", "workers=1") for argument in SMALL]
    message = error_of(["fit", "--config", str(DEMO), *workers], capsys)
    assert all(word in message for word in ("`segmentation`", "[77]", "below 8")), message


@pytest.mark.slow
def test_classes_are_known_by_their_last_names() -> None:
    """In a process of its own, where nothing is imported that the command does not import."""
    names = ["--data=Scenes", "--model.encoder=Separate", "--trainer.callbacks=LoadAdapters"]
    words = ["fit", f"--config={DEMO}", *names, "--trainer.callbacks.path=a", "--print_config"]
    program = f"from vtagml.cli import main; main({words})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "vtagml.callbacks.LoadAdapters" in done.stdout
    assert "vtagml.encoders.Separate" in done.stdout
