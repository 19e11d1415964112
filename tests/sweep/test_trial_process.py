"""A trial's process: real, but for what it does."""

import math
import sys
import time
from pathlib import Path

import pytest

from vtagml.sweep import TrialFailed, TrialProcess, trial_process

WRITE = """
import pathlib, sys, time
logs = pathlib.Path(sys.argv[1]) / "logs/version_0"
logs.mkdir(parents=True)
(logs / "metrics.csv").write_text("step,val/m,val/n\\n9,2.0,7.0\\n19,1.5,8.0\\n")
print("said")
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(trial_process, "SECONDS_BETWEEN_LOOKS", 0.02)

    def started(program: str) -> TrialProcess:
        command = [sys.executable, "-c", program]
        monkeypatch.setattr(trial_process, "launcher", lambda: command)
        folder = tmp_path / "trials/000"
        return TrialProcess([str(folder)], folder, "val/m")

    return started


def finish(process: TrialProcess) -> None:
    until = time.monotonic() + 20
    while process.runs():
        assert time.monotonic() < until


def test_metric_is_read_from_the_log(start: object, tmp_path: Path) -> None:
    process = start(WRITE)  # type: ignore[operator]
    finish(process)
    assert process.news() == {}  # what is seen once may be half a number
    assert process.news() == process.result() == {9: 2.0, 19: 1.5}
    assert process.metrics() == {"val/m": 1.5, "val/n": 8.0}
    assert (tmp_path / "trials/000.log").read_text() == "said\n"


def test_diverged_metric_is_certain_and_order_is_kept(
    start: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start("pass")  # type: ignore[operator]
    finish(process)
    looks = [{9: 2.0, 19: math.nan}, {9: 2.0, 19: math.nan, 29: 1.0}, {9: 3.0, 19: 1.0, 29: 1.0}]
    monkeypatch.setattr(process, "_curve", iter(looks).__next__)
    assert process.news() == {}
    certain = process.news()
    assert list(certain) == [9, 19]
    assert math.isnan(certain[19])
    # The first was half a number, so none that follows is certain, though 1.0 was seen twice.
    assert process.news() == {}


def test_wandb_is_offline_unless_somebody_says_otherwise(
    start: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mode in (None, "online"):
        monkeypatch.delenv("WANDB_MODE", raising=False)
        if mode is not None:
            monkeypatch.setenv("WANDB_MODE", mode)
        process = start("import os; print(os.environ['WANDB_MODE'])")  # type: ignore[operator]
        finish(process)
        assert process.said.read_text().split()[-1] == (mode or "offline")


def test_failure_says_the_last_words(start: object) -> None:
    process = start("import sys; sys.exit('error: no such data')")  # type: ignore[operator]
    finish(process)
    with pytest.raises(TrialFailed, match="exit status 1: error: no such data"):
        process.result()


def test_run_without_the_metric_is_a_failure(start: object) -> None:
    process = start("pass")  # type: ignore[operator]
    finish(process)
    with pytest.raises(TrialFailed, match="no `val/m` in"):
        process.result()


@pytest.mark.parametrize("deaf", [False, True])
def test_trial_is_stopped_even_if_it_does_not_listen(
    start: object, deaf: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_process, "SECONDS_TO_STOP", 0.2 if deaf else 20.0)
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " if deaf else ""
    process = start(f"{ignore}print('up', flush=True); import time; time.sleep(60)")  # type: ignore[operator]
    until = time.monotonic() + 20
    while not process.said.read_text():
        assert time.monotonic() < until
        time.sleep(0.02)
    process.stop()
    assert process.process.ended() == (-9 if deaf else -15)
    process.stop()  # once more does no harm
