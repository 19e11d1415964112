"""The runner with jobs that are nobody's but the test's."""

import re
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from vtagml.launching import Board, Job, Queue, Runner, runner


class Programs(Queue[Job]):
    """Programs in Python, one after another."""

    def __init__(self, folder: Path, *programs: str, patience: int = 1 << 30) -> None:
        self.jobs = [
            Job(f"job {place}", folder / str(place), ["-c", program])
            for place, program in enumerate(programs)
        ]
        self.patience = patience
        self.statuses: dict[str, int | None] = {}
        self.stopped: list[str] = []

    def next(self) -> Job | None:
        return self.jobs.pop(0) if self.jobs else None

    def goes_on(self, job: Job) -> bool:
        self.patience -= 1
        return self.patience > 0 or not job.log.read_text().endswith("up\n")

    def ended(self, job: Job, status: int | None) -> list[str]:
        self.statuses[job.name] = status
        return [f"{job.name} ended"]

    def interrupted(self, job: Job) -> Sequence[str]:
        self.stopped.append(job.name)
        return super().interrupted(job)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "launcher", lambda: [sys.executable, "-S"])
    monkeypatch.setattr(runner, "PAUSE", 0.01)


SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"


def test_what_ends_ends_and_what_is_given_up_is_stopped(tmp_path: Path) -> None:
    queue = Programs(tmp_path, "pass", "raise SystemExit(3)", SLEEPS, patience=50)
    Runner(queue, Board(3)).run()
    assert queue.statuses == {"job 0": 0, "job 1": 3, "job 2": None}
    assert "\n[ended with status 3 after " in (tmp_path / "1.log").read_text()
    assert "\n[stopped after " in (tmp_path / "2.log").read_text()


def test_variables_are_those_that_nobody_has_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONE", "mine")
    queue = Programs(tmp_path, "import os; print(os.environ['ONE'], os.environ['TWO'])")
    Runner(queue, Board(1), variables={"ONE": "default", "TWO": "default"}).run()
    assert "\nmine default\n" in (tmp_path / "0.log").read_text()


@pytest.mark.parametrize("again", ["ended", "ask_to_stop"])
def test_another_interrupt_ends_all_at_once(
    again: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Programs(tmp_path, DEAF, DEAF)
    processes: list[runner.JobProcess[Job]] = []

    def looks(job: Job) -> bool:
        if all((tmp_path / f"{place}.log").read_text().endswith("up\n") for place in (0, 1)):
            monkeypatch.setattr(Stopping, again, interrupt)
            raise KeyboardInterrupt
        return True

    def interrupt(process: object) -> None:
        raise KeyboardInterrupt

    class Stopping(runner.JobProcess[Job]):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            processes.append(self)

    monkeypatch.setattr(queue, "goes_on", looks)
    monkeypatch.setattr(runner, "JobProcess", Stopping)
    with pytest.raises(KeyboardInterrupt):
        Runner(queue, Board(2), processes=2).run()
    assert queue.stopped == ["job 0", "job 1"]
    assert [process._process.poll() for process in processes] == [-9, -9]


def test_one_that_is_given_up_keeps_nobody_waiting(tmp_path: Path) -> None:
    quick = "import time; time.sleep(0.3)"
    queue = Programs(tmp_path, DEAF.replace("60", "3"), quick, quick)
    given_up: list[str] = []

    def looks(job: Job) -> bool:
        if job.name == "job 0" and job.log.read_text().endswith("up\n"):
            given_up.append(job.name)
            return False
        return True

    queue.goes_on = looks  # type: ignore[method-assign]
    Runner(queue, Board(3), processes=2).run()
    assert given_up == ["job 0"]  # asked once
    assert list(queue.statuses) == ["job 1", "job 2", "job 0"]
    assert queue.statuses["job 0"] is None


def test_a_bar_over_jobs_with_the_time_that_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=200, color_system=None)
    monkeypatch.setattr("vtagml.launching.board.get_console", lambda: console)
    naps = "import time; time.sleep(0.3)"
    queue, board = Programs(tmp_path, naps, naps), Board(3)
    bars: list[str] = []

    def looks(job: Job) -> bool:
        written = StringIO()
        Console(file=written, width=200).print(board.bar.get_renderable())
        bars.append(written.getvalue())
        return True

    monkeypatch.setattr(queue, "goes_on", looks)
    board.advance()  # one that needs not be run
    Runner(queue, board).run()
    assert "left: -:--:--" in bars[0]
    assert "1/3" in bars[0]
    assert "job 1" in bars[-1]
    assert "2/3" in bars[-1]
    assert f"job 0 begins: `{tmp_path / '0.log'}`" in screen.getvalue()
    assert re.search(r"left: \d:\d\d:\d\d", bars[-1])
    assert re.search(r"job 0 ended after \d:\d\d:\d\d", screen.getvalue())
