"""What people mistype, and the one line that tells them what they meant."""

from pathlib import Path

import pytest

from vtagml.cli import main
from vtagml.commands.mistakes import explained, nearest

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
DEMO = "experiments/scenes_sdne.yaml"
NO_CONFIG = "`--config` must name an experiment, found none: give `--config experiments/NAME.yaml`."
FILES = {
    "syntax.yaml": "model: [1, 2\ndata: {",
    "tab.yaml": "model:\n\tclass_path: x\n",
    "list.yaml": "- a\n- b\n",
    "empty.yaml": "",
    "twice.yaml": "trainer: {max_steps: 1}\ndata: {init_args: {a: 1, b: 2, a: 3}}\n",
    "null.yaml": "model:\nencoder: {class_path: vtagml.encoders.VTAGML}\n",
    "top.yaml": "batch_size: 4\n",
    "nesting.yaml": "model: {encoder: {reduction: 4}}\n",
    "number.yaml": "model: {encoder: {backbone: 4}}\n",
    "half.yaml": "trainer: {max_steps: 1}\n",
    "deep.yaml": "model: {init_args: {encoder: {init_args: {backbone: {init_args: {b: a}}}}}}",
    "task.yaml": "model: {init_args: {tasks: [{class_path: vtagml.tasks.Dept}]}}",
    "type.yaml": "data: {init_args: {batch_size: four}}",
}
MISTAKES = [
    ("fit", NO_CONFIG),
    (f"fit {DEMO}", f"{NO_CONFIG} Did you mean `--config {DEMO}`?"),
    (f"fit --cofnig {DEMO}", f"{NO_CONFIG} Did you mean `--config {DEMO}`?"),
    (
        "predict",
        f"{NO_CONFIG} On images of your own: `lightning predict --ckpt_path RUN --images FOLDER`.",
    ),
    ("fit --config", "`--config` must be followed by a file, found none."),
    (
        "fit --config experiments/cityscape_sdn.yaml",
        "`--config` must be a file, there is no `experiments/cityscape_sdn.yaml`."
        " Did you mean `cityscapes_sdn.yaml`?",
    ),
    (
        "fit --config files",
        "`--config` must be a file, found the folder `files`: name one such as a.yaml.",
    ),
    (
        "fit --config syntax.yaml",
        "`syntax.yaml` is no YAML, line 2: expected ',' or ']', but got ':'.",
    ),
    (
        "fit --config tab.yaml",
        "`tab.yaml` is no YAML, line 2: found character '\\t' that cannot start any token"
        " (there is a tab; only spaces indent).",
    ),
    (
        "fit --config list.yaml",
        "`list.yaml` must hold keys, such as `model:`, found a list.",
    ),
    (
        "fit --config empty.yaml",
        "`empty.yaml` must hold keys, such as `model:`, found nothing.",
    ),
    (
        "fit --config half.yaml",
        "`--config` must name an experiment, found no `model` and no `data` in half.yaml: give"
        " `--config experiments/NAME.yaml`.",
    ),
    (
        "fit --config DEMO --config twice.yaml",
        "`twice.yaml` has `data.init_args.a` twice, in lines 2 and 2: put both together, only the"
        " last would count.",
    ),
    (
        "fit --config DEMO --config null.yaml",
        "`model` in `null.yaml` must be `class_path` and `init_args`, found nothing: indent what"
        " belongs to it, or leave the key out.",
    ),
    (
        "fit --config DEMO --config top.yaml",
        "`batch_size` is no key of an experiment. Did you mean `data.batch_size`?",
    ),
    (
        "fit --config DEMO --config nesting.yaml",
        "`model.encoder.reduction`: `vtagml.encoders.VTAGML` has no argument `reduction`. It takes",
    ),
    (
        "fit --config DEMO --config number.yaml",
        "`model.encoder.backbone` must be the path of a class of the kind Backbone, found `4`.",
    ),
    (
        "fit --config DEMO --model.affinity vtagml.tasks.Depth",
        "`model.affinity` must be the path of a class of the kind Affinity, found"
        " `vtagml.tasks.Depth`.",
    ),
    (
        "fit --config DEMO --config deep.yaml",
        "`model.encoder.backbone.b`: `vtagml.backbone.SwinV2Nano` has no argument `b`. It takes ",
    ),
    (
        "fit --config DEMO --config task.yaml",
        "`model.tasks`: there is no `vtagml.tasks.Dept`. Did you mean `vtagml.tasks.Depth`?",
    ),
    ("fit --config DEMO --config type.yaml", "`data.batch_size` must be int, found four."),
    (
        "fit --config DEMO --trainer.max_step 5",
        "`--trainer.max_step` is no key of an experiment. Did you mean `--trainer.max_steps`?",
    ),
    (
        "fit --config DEMO --batch_size 5",
        "`--batch_size` is no key of an experiment. Did you mean `--data.batch_size`?",
    ),
    (
        "fit --config DEMO --data.batchsize 5",
        "`data.batchsize`: `datamodules.Scenes` has no argument `batchsize`."
        " Did you mean `batch_size`?",
    ),
    (
        "fit --config DEMO --model.encoder.init_args.reductoin 5",
        "`model.encoder.reductoin`: `vtagml.encoders.VTAGML` has no argument `reductoin`. It takes",
    ),
    ("fit --config DEMO --trainer.max_steps many", "`trainer.max_steps` must be int, found many."),
    ("fit --config DEMO --trainer.max_steps null", "`trainer.max_steps` must be int, found None."),
    ("fit --config DEMO --trainer.precision bf17", "`trainer.precision` must be one of 64, 32,"),
    (
        "fit --config DEMO --model.encoder vtagml.encoders.VTAGL",
        "`model.encoder`: there is no `vtagml.encoders.VTAGL`."
        " Did you mean `vtagml.encoders.VTAGML`?",
    ),
    (
        "fit --config DEMO --model.encoder vtagml.encoder.VTAGML",
        "`model.encoder`: there is no `vtagml.encoder`. Did you mean `vtagml.encoders`?",
    ),
    (
        "fit --config DEMO --model.encoder VTAGL",
        "`model.encoder` must be the path of a class, found `VTAGL`."
        " Did you mean `vtagml.encoders.VTAGML`?",
    ),
    (
        "fit --config DEMO --data datamodules.Cityscape",
        "`data`: there is no `datamodules.Cityscape`. Did you mean `datamodules.Cityscapes`?",
    ),
    (
        "report runs --basline a",
        "`--basline` is no option of `report`: `lightning report --help` names them."
        " Did you mean `--baseline`?",
    ),
    ("check", NO_CONFIG),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("experiments").symlink_to(EXPERIMENTS)
    Path("files").mkdir()
    for name, text in (FILES | {"files/a.yaml": ""}).items():
        Path(name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(("line", "expected"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_is_one_line_with_what_was_meant(
    line: str, expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(line.replace("DEMO", DEMO).split())
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: {expected}")
    assert len(message.splitlines()) == 1
    assert "Namespace" not in message


def test_a_mistyped_command_has_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["benchmrak"])
    message = capsys.readouterr().err
    assert "`benchmrak` is no command: expected one of fit, validate, test, predict, " in message
    assert message.endswith("Did you mean `benchmark`?\n")


def test_a_package_of_an_extra_is_named_with_what_brings_it() -> None:
    message = "Problem with given class_path 'torchjd.aggregation.MGDA': No module named 'torchjd'"
    assert explained(message, []) == '`torchjd` is not there: pip install "vtagml[weightings]".'


def test_nothing_is_guessed_where_nothing_is_near() -> None:
    assert nearest("zebra", ["trainer.max_steps", "data.root"]) is None
    assert nearest("max_step", ["trainer.max_steps", "data.root"]) == "trainer.max_steps"
    assert explained("something else went wrong", []) is None
