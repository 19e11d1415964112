"""A trial's process: real, but for what it does."""

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
        monkeypatch.setattr(trial_process, "PROGRAM", program)
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
    assert process.process.returncode == (-9 if deaf else -15)
    process.stop()  # once more does no harm
