"""A job in a process of its own."""

import os
import sys
import time
from pathlib import Path

import pytest

from vtagml.launching import Job, JobProcess, failure_of, launcher

PARENT = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # One that has ended may wait for its parent to ask.
    state = Path(f"/proc/{process}/stat")
    return not state.is_file() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_does_not_listen_is_ended_with_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job("deaf", tmp_path / "deep" / "run", ["-S", "-c", PARENT])
    process = JobProcess(job, [sys.executable], os.environ)
    until = time.monotonic() + 20
    while not (lines := job.log.read_text().splitlines())[-1].isdecimal():
        assert time.monotonic() < until
        time.sleep(0.01)
    assert lines[0].startswith("$ lightning -S -c ")
    assert process.ended() is None
    monkeypatch.setattr("vtagml.launching.job.SECONDS_TO_STOP", 0.1)
    process.ask_to_stop()
    assert process.ended() is None
    while process.ended() is None:
        time.sleep(0.01)
    while is_there(int(lines[-1])):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert job.log.read_text().splitlines()[-1].startswith("[stopped after ")
    assert failure_of(job) is None


@pytest.mark.parametrize(
    ("log", "failure"),
    [
        ("$ lightning fit\nlost\n[ended with status -9 after 3 s]", "lost\n[ended with status -9"),
        ("$ lightning fit\nfine\n[ended with status 0 after 3 s]", None),
        ("$ lightning fit\nfine\n[stopped after 3 s]", None),
        ("$ a\nlost\n[ended with status 1 after 3 s]\n$ a\nat work", None),
        ("", None),
    ],
)
def test_a_failure_is_the_end_of_the_last_attempt(
    log: str, failure: str | None, tmp_path: Path
) -> None:
    job = Job("job", tmp_path / "run")
    assert failure_of(job) is None
    job.log.write_text(log)
    assert (failure_of(job) or "").startswith(failure or "")
    assert (failure_of(job) is None) == (failure is None)


def test_the_command_line_of_this_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert launcher()[:2] == [str(tmp_path / "python"), "-c"]
    (tmp_path / "vtagml").touch()
    assert launcher() == [str(tmp_path / "python"), str(tmp_path / "vtagml")]
