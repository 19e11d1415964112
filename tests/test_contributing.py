"""The examples in CONTRIBUTING.md are an experiment that runs as it stands."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from datamodules.disk.images import write_png
from tests.report.run_folders import write_run
from vtagml import cli
from vtagml.cli import main

pytestmark = pytest.mark.usefixtures("no_pictures")  # they are looked at elsewhere
TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
(COMMAND,) = re.findall(r"```python\n# vtagml/commands/score\.py\n(.*?)```", TEXT, re.DOTALL)
FILES = re.findall(r"```(?:python|yaml)\n# (\w+\.(?:py|yaml))(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"^PYTHONPATH=\. lightning (.+)$", TEXT, re.MULTILINE)
COUNTS = {"train": 4, "val": 2, "test": 2}


def write_leaves(root: Path) -> None:
    """Discs of green on grey, with some noise."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:48, :64]
    (root / "photos").mkdir(parents=True)
    for split, count in COUNTS.items():
        names = [f"{split}{number}" for number in range(count)]
        (root / f"{split}.txt").write_text("\n".join(names))
        for name in names:
            middle = random.integers(16, 32, 2)
            leaf = (rows - middle[0]) ** 2 + (columns - middle[1]) ** 2 < 12**2
            image = np.where(leaf[..., None], (40, 160, 40), (120, 120, 120))
            noisy = (image + random.integers(-20, 20, image.shape)).astype(np.uint8)
            Image.fromarray(noisy).save(root / "photos" / f"{name}.jpg")
            write_png(root / "masks" / f"{name}.png", leaf.astype(np.uint8) * 255)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, rest in FILES:
        (tmp_path / name).write_text(f"# {name}{rest}")
    write_leaves(tmp_path / "data" / "leaves")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name, _ in FILES:
        monkeypatch.delitem(sys.modules, Path(name).stem, raising=False)
    return tmp_path


def test_all_examples_are_found() -> None:
    assert [name for name, _ in FILES] == [
        "leaves.py",
        "saliency.py",
        "norm_tuning.py",
        "leaves.yaml",
    ]
    assert [command.split()[0] for command in COMMANDS] == ["check", "fit"]


def test_examples_are_checked_and_trained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check, fit = (command.split() for command in COMMANDS)
    main([*check, "--processes=0"])
    assert "Nothing is wrong" in capsys.readouterr().out
    small = [
        "--data.image_size=[64, 64]",
        "--model.encoder.init_args.backbone.init_args.image_size=[64, 64]",
        "--data.batch_size=2",
        "--data.workers=0",
        "--trainer.max_steps=40",
        "--trainer.log_every_n_steps=1",
    ]
    rate = "--model.optimizer={class_path: torch.optim.AdamW, init_args: {lr: 1.0e-2}}"
    main([*fit, *small, rate, "--trainer.accelerator=cpu"])
    metrics = json.loads((folder / "runs/leaves/metrics.json").read_text())["metrics"]
    assert metrics["model"]["saliency"]["iou"] > max(0.5, metrics["prior"]["saliency"]["iou"])


def test_a_new_command_is_its_file_and_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = ModuleType("vtagml.commands.score")
    exec(compile(COMMAND, "score.py", "exec"), vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(cli, "COMMANDS", (*cli.COMMANDS, "score"))
    main(["--help"])
    help = capsys.readouterr().out
    assert "\n  score      Prints the headline metric of each task of a finished run\n" in help
    assert "\n  lightning score runs/scenes_sdne\n" in help
    main(["score", "--help"])
    assert "usage: lightning score [--task NAME] FOLDER\n" in capsys.readouterr().out
    main(["score", str(write_run(tmp_path / "run")), "--task", "depth"])
    assert re.fullmatch(r"depth \d+\.\d+\n", capsys.readouterr().out)
    with pytest.raises(SystemExit):
        main(["score"])
    assert "`FOLDER` must be given" in capsys.readouterr().err


def test_only_the_norms_of_the_backbone_train(folder: Path) -> None:
    from norm_tuning import NormTuning  # type: ignore[import-not-found]

    from vtagml.backbone import SwinV2Nano

    backbone = SwinV2Nano((64, 64), weights=None)
    NormTuning().tune(backbone)
    trained = {name for name, each in backbone.named_parameters() if each.requires_grad}
    assert trained
    assert all("norm" in name for name in trained)


def test_missing_list_is_one_message(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "data/leaves/val.txt").unlink()
    with pytest.raises(SystemExit):
        main(["fit", "--config", "leaves.yaml", "--data.workers=0"])
    message = capsys.readouterr().err
    assert "Leaves was not found" in message
    assert "`val.txt`, a list of names" in message
    assert "None" not in message
    assert "lightning scenes" not in message
