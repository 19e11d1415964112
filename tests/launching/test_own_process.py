"""A command in a process of its own."""

import os
import sys
import time
from pathlib import Path

import pytest

from vtagml.launching import OwnProcess, launcher

PARENT = """
import subprocess, sys, time
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


def test_a_kill_ends_workers_too(tmp_path: Path) -> None:
    log = tmp_path / "deep" / "log"
    process = OwnProcess([sys.executable, "-S", "-c", PARENT], log, heading="begins")
    until = time.monotonic() + 20
    while len(said := log.read_text().splitlines()) < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert said[0] == "begins"
    assert process.ended() is None
    assert not process.wait(0.01)
    process.kill()
    assert process.ended() == -9
    while is_there(int(said[1])):
        assert time.monotonic() < until
        time.sleep(0.01)
    process.note("ended")
    assert log.read_text().endswith("\nended\n")


def test_the_command_line_of_this_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert launcher()[:2] == [str(tmp_path / "python"), "-c"]
    (tmp_path / "vtagml").touch()
    assert launcher() == [str(tmp_path / "python"), str(tmp_path / "vtagml")]
