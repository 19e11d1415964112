"""One run per folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from vtagml.run_folder import LOCK, is_busy, run_lock

HOLD = """
import os, sys, time
from pathlib import Path
from vtagml.run_folder import run_lock
with run_lock(Path(sys.argv[1])):
    child = os.fork()  # as a loader's worker, which may outlive the run
    if child == 0:
        os.close(1)
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_another_process_is_named_and_its_death_frees_the_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        try:
            with pytest.raises(ValueError, match=rf"process {holder.pid} on \S+\. .*root_dir"):
                run_lock(tmp_path).__enter__()
            holder.kill()
            holder.wait()
            with run_lock(tmp_path):
                pass
        finally:
            subprocess.run(["kill", str(child)], check=False)
            holder.kill()


def test_folder_is_locked_by_a_file_of_our_own(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("another program's")
    with run_lock(tmp_path / "run"):
        assert (tmp_path / "run" / LOCK).is_file()
    with run_lock(tmp_path):
        assert (tmp_path / ".lock").read_text() == "another program's"


def test_folder_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="file"):
        run_lock(tmp_path / "file" / "run").__enter__()


PLAIN_LOCK = """
import fcntl, sys
file = open(sys.argv[1], "a+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_second_runner_is_refused_with_its_own_option(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-c", PLAIN_LOCK, str(tmp_path / LOCK)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        (tmp_path / LOCK).write_text("process 7 on here")
        with pytest.raises(
            ValueError, match=r"in `.*`: process 7 on here\. .*of its own with `--out`"
        ):
            run_lock(tmp_path, "--out").__enter__()
        assert is_busy(tmp_path)
        holder.communicate(b"")
    assert not is_busy(tmp_path)
