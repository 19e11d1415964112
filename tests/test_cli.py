"""What users type, and what they are told when they mistype."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.drawn.scenes import DrawnScene
from datamodules.transforms import Sample
from tests.fakes.errors import error_of
from tests.fakes.small import SMALL
from vtagml.cli import COMMANDS, main

pytestmark = pytest.mark.usefixtures("no_pictures")  # they are looked at elsewhere
DEMO = Path(__file__).parents[1] / "experiments" / "scenes_sdne.yaml"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


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


@pytest.mark.parametrize("words", [["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help_imports_nothing_large(words: list[str]) -> None:
    """In a process of its own; `lightning --help` took seconds when it imported torch."""
    program = f"import sys; from vtagml.cli import main; main({words}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    modules = done.stdout.splitlines()[-1].split()
    assert "vtagml.cli" in modules
    large = {"torch", "lightning", "timm", "torchmetrics", "wandb", "matplotlib", "numpy"}
    assert not large.intersection(modules)


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


def test_unknown_command_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    message = error_of(["train"], capsys)
    assert "`train`" in message
    assert "fit, validate, test, predict" in message


def test_typo_in_a_key_is_rejected_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    key = "model.encoder.init_args.backbone.init_args.weightz"
    assert "weightz" in error_of(["fit", "--config", str(DEMO), f"--{key}=1"], capsys)


def test_wrong_class_count_names_both_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    text = DEMO.read_text().replace("classes: 8", "classes: 5")
    Path("wrong.yaml").write_text(text)
    message = error_of(["fit", "--config", "wrong.yaml", *SMALL], capsys)
    assert "5" in message
    assert "8" in message


def test_missing_weights_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    key = "--model.encoder.init_args.backbone.init_args.weights=absent.safetensors"
    message = error_of(["fit", "--config", str(DEMO), *SMALL, key], capsys)
    assert "absent.safetensors" in message


def test_unknown_layout_lists_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    message = error_of(["fit", "--config", str(DEMO), *SMALL, "--data.layout=castle"], capsys)
    assert "castle" in message
    assert "room" in message


def test_checkpoint_of_another_model_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    main(["fit", "--config", str(DEMO), *SMALL, "--test_after_fit=false"])
    checkpoint = "runs/scenes_sdne/checkpoints/last.ckpt"
    wider = "--model.decoders.init_args.decoder.init_args.width=64"
    capsys.readouterr()
    message = error_of(
        ["test", "--config", str(DEMO), *SMALL, wider, f"--ckpt_path={checkpoint}"], capsys
    )
    assert "The checkpoint's model is not the config's" in message


def test_fit_then_resume_then_predict() -> None:
    main(["fit", "--config", str(DEMO), *SMALL, "--test_after_fit=false"])
    checkpoint = Path("runs/scenes_sdne/checkpoints/last.ckpt")
    assert torch.load(checkpoint, weights_only=True)["global_step"] == 2
    longer = [argument.replace("max_steps=2", "max_steps=4") for argument in SMALL]
    main(["fit", "--config", str(DEMO), *longer, f"--ckpt_path={checkpoint}"])
    assert torch.load(checkpoint, weights_only=True)["global_step"] == 4
    main(["predict", "--config", str(DEMO), *SMALL, f"--ckpt_path={checkpoint}"])
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


@pytest.mark.parametrize("command", ["test", "validate", "predict"])
def test_evaluation_without_a_checkpoint_says_so(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = error_of([command, "--config", str(DEMO), *SMALL], capsys)
    assert "runs/scenes_sdne/checkpoints/last.ckpt" in message


def test_last_without_a_checkpoint_does_not_start_from_zero(
    capsys: pytest.CaptureFixture[str],
) -> None:
    message = error_of(["fit", "--config", str(DEMO), *SMALL, "--ckpt_path=last"], capsys)
    assert "found no file" in message


def test_truncated_checkpoint_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    Path("cut.ckpt").write_bytes(b"PK\x03\x04 cut off")
    message = error_of(["test", "--config", str(DEMO), *SMALL, "--ckpt_path=cut.ckpt"], capsys)
    assert "`cut.ckpt` could not be read" in message


def test_earlier_run_comes_back_if_the_new_one_never_starts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["fit", "--config", str(DEMO), *SMALL, "--test_after_fit=false"]
    main(arguments)
    kept = Path("runs/scenes_sdne/checkpoints/last.ckpt").read_bytes()
    with pytest.raises(SystemExit):
        main([*arguments, "--data.batch_size=5"])
    assert "is runs/scenes_sdne again" in capsys.readouterr().err
    assert Path("runs/scenes_sdne/checkpoints/last.ckpt").read_bytes() == kept
    assert not Path("runs/scenes_sdne.1").exists()


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("edges", np.inf, ("`edges`", "infinite")),
        ("image", np.nan, ("`image`", "NaN")),
        ("segmentation", 77, ("`segmentation`", "[77]", "below 8")),
    ],
)
def test_bad_sample_in_a_worker_is_one_message(
    key: str,
    value: float,
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = DrawnScene.__call__

    def broken(self: DrawnScene, index: int, tasks: Sequence[str]) -> Sample:
        sample = draw(self, index, tasks)
        dtype = np.int64 if key == "segmentation" else np.float32
        return sample | {key: np.full_like(sample[key], value, dtype)}

    monkeypatch.setattr(DrawnScene, "__call__", broken)
    workers = [argument.replace("workers=0", "workers=1") for argument in SMALL]
    message = error_of(["fit", "--config", str(DEMO), *workers], capsys)
    assert all(word in message for word in words), message


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
