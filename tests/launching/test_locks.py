"""Who is at work in a folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from vtagml.launching import only_runner
from vtagml.run_folder import LOCK

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "a+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_second_runner_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-c", HOLD, str(tmp_path / LOCK)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        (tmp_path / LOCK).write_text("process 7 on here")
        with (
            pytest.raises(ValueError, match=r"in `.*` is process 7 on here: wait for it"),
            only_runner(tmp_path),
        ):
            pass
        holder.communicate(b"")


def test_an_error_within_the_block_stays_itself(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="own"), only_runner(tmp_path):
        raise ValueError("own")
