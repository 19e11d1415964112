"""`lightning sweep --local`, with processes that only write a log."""

import csv
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from tests.fakes.errors import error_of
from vtagml.cli import main
from vtagml.launching import launcher, runner

SMALL = Path(__file__).parents[1] / "faults/small.yaml"
OVERLAYS = Path(__file__).parents[2] / "experiments/loggers"
KAPPA, RHO = "model.affinity.init_args.kappa", "model.affinity.init_args.rho"
SWEEP: dict[str, Any] = {
    "program": "lightning",
    "command": [
        *("${env}", "lightning", "fit", "--config", str(SMALL), "--trainer.logger=true"),
        "${args}",
    ],
    "method": "grid",
    "metric": {"name": "val/depth/rmse", "goal": "minimize"},
    "parameters": {KAPPA: {"values": [0.5, 2.0]}, RHO: {"value": 0.3}},
}
# The metric is κ itself, and of another task something else.
WRITE = """
import pathlib, sys
given = dict(word[2:].split("=", 1) for word in sys.argv[1:] if "=" in word)
logs = pathlib.Path(given["trainer.default_root_dir"]) / "logs/version_0"
logs.mkdir(parents=True)
kappa = given["model.affinity.init_args.kappa"]
rows = ["step,val/depth/rmse,val/edges/f1", "5,9.0,0", f"11,{kappa},0.25", ""]
(logs / "metrics.csv").write_text("\\n".join(rows))
"""


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "launcher", lambda: [sys.executable, "-c", WRITE])
    monkeypatch.setattr(runner, "PAUSE", 0.02)


def written(**changed: Any) -> str:
    Path("kappas.yaml").write_text(yaml.safe_dump(SWEEP | changed))
    return "kappas.yaml"


def test_sweep_leaves_table_pictures_and_the_best_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["sweep", "--local", written(), "--trainer.max_steps=12"])
    out = Path("runs/sweeps/kappas")
    best = (
        f"lightning fit --config {SMALL} --trainer.logger=true --{KAPPA}=0.5 --{RHO}=0.3 "
        "--trainer.max_steps=12"
    )
    assert (out / "best.txt").read_text() == f"{best}\n"
    assert best in capsys.readouterr().out.replace("\n", "")
    rows = list(csv.DictReader((out / "trials.csv").read_text().splitlines()))
    assert [(row["trial"], row[KAPPA], row["val/depth/rmse"]) for row in rows] == [
        ("000", "0.5", "0.5"),
        ("001", "2.0", "2.0"),
    ]
    assert {row["val/edges/f1"] for row in rows} == {"0.25"}
    for name in ("course", "parameters"):
        with Image.open(out / f"{name}.png") as picture:
            assert picture.width > 300
    main(["sweep", "--local", written(), "--trainer.max_steps=12"])  # nothing is left to do
    assert len(list((out / "trials").glob("*.log"))) == 2


@pytest.mark.parametrize(
    ("changed", "words", "message"),
    [
        ({"parameters": {"model.affinity.init_args.kapa": {"values": [1, 2]}}}, [], "kapa"),
        ({"parameters": {KAPPA: {"values": [1, "one"]}}}, [], "one"),
        ({"metric": {"name": "val/depth/rsme", "goal": "minimize"}}, [], "val/depth/rmse"),
        ({}, [f"--{KAPPA}=3"], "is set by the sweep itself"),
        ({}, ["--trainer.default_root_dir=here"], "is set by the sweep itself"),
        ({}, ["--trainer.max_step=3"], "max_step"),
        ({}, ["--trainer.logger=false"], "`trainer.logger` must have one for CSV"),
        ({}, [f"--config={OVERLAYS}/tensorboard.yaml"], "found vtagml.loggers.TensorBoard"),
        ({}, ["--trials=0"], "`--trials` must be at least 1"),
        ({}, ["--processes=0"], "`--processes` must be at least 1"),
        ({}, ["kappas.yaml"], "is no option of `sweep`"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_trial(
    changed: dict[str, Any], words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = error_of(["sweep", "--local", written(**changed), *words], capsys)
    assert message in error
    assert not list(Path().rglob("trials"))


def test_overlays_with_a_csv_log_are_taken() -> None:
    main(["sweep", "--local", written(), "--trials=1", f"--config={OVERLAYS}/wandb.yaml"])
    assert Path("runs/sweeps/kappas/best.txt").is_file()


def test_a_failed_trial_is_the_exit_status_until_it_succeeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails = f"import sys\nif '--{KAPPA}=2.0' in sys.argv: sys.exit('no luck')\n{WRITE}"
    monkeypatch.setattr(runner, "launcher", lambda: [sys.executable, "-c", fails])
    for _ in range(2):
        with pytest.raises(SystemExit, match=r"^1$"):
            main(["sweep", "--local", written()])
        assert "Failed: 001. The same command tries" in capsys.readouterr().out
    monkeypatch.setattr(runner, "launcher", lambda: [sys.executable, "-c", WRITE])
    main(["sweep", "--local", written()])
    out = Path("runs/sweeps/kappas")
    rows = list(csv.DictReader((out / "trials.csv").read_text().splitlines()))
    assert [row["state"] for row in rows] == ["done", "done"]


def test_being_terminated_stops_the_trial_and_the_next_call_takes_it_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    hangs = "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    monkeypatch.setattr(runner, "launcher", lambda: [sys.executable, "-c", hangs])
    with pytest.raises(SystemExit, match=r"^130$"):
        main(["sweep", "--local", written()])
    assert signal.getsignal(signal.SIGTERM) is before
    assert "The same command goes on from here." in capsys.readouterr().out
    monkeypatch.setattr(runner, "launcher", lambda: [sys.executable, "-c", WRITE])
    main(["sweep", "--local", written()])
    assert sorted(path.name for path in Path("runs/sweeps/kappas/trials").glob("*.log")) == [
        "000.log",
        "001.log",
    ]


def test_without_local_it_says_what_does_it_with_a_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "`wandb sweep FILE`" in error_of(["sweep", written()], capsys)


def test_missing_extra_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vtagml.commands.trials.find_spec", lambda name: None)
    error = error_of(["sweep", "--local", written()], capsys)
    assert 'pip install "vtagml[sweep]"' in error


@pytest.mark.slow
def test_real_trials_are_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "launcher", launcher)
    monkeypatch.setenv(
        "PYTHONPATH", str(Path(__file__).parents[2])
    )  # its config has tests' classes
    out = Path("sweep").resolve()
    main(["sweep", "--local", written(), f"--out={out}", "--trainer.max_steps=6"])
    for trial in ("000", "001"):
        assert (out / "trials" / trial / "checkpoints/last.ckpt").is_file()
        affinity = json.loads((out / "trials" / trial / "affinity.json").read_text())
        assert affinity["step"] == 6
    rows = list(csv.DictReader((out / "trials.csv").read_text().splitlines()))
    assert [row["state"] for row in rows] == ["done", "done"]
