"""One run per folder."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

LOCK = ".vtagml-lock"


@contextmanager
def run_lock(folder: Path, option: str = "--trainer.default_root_dir") -> Iterator[None]:
    """Keeps other runs out of a folder while the block lasts, and raises an error if one is in it.

    The lock belongs to the process, not to the file: the system takes it back when the process
    ends, however it ends, so that there is no stale lock to remove, and on a shared disk it holds
    for other machines too. The file says who it is. Processes forked from this one do not have it,
    so that a loader's worker that outlives a killed run does not keep the folder.

    Args:
        folder: Of a run, or of many that a benchmark or a sweep keeps.
        option: Names the folder on the command line, for the error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+b", buffering=0) as file:
        _take(folder, file, option)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Lets one process at a time into a folder; the others wait.

    Where nothing can be locked, nobody waits.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context((folder / LOCK).open("ab"))
            if sys.platform != "win32":
                fcntl.lockf(file, fcntl.LOCK_EX)
        yield


def is_busy(folder: Path) -> bool:
    """Whether a run is in a folder now, started by whomever."""
    if not (folder / LOCK).is_file():
        return False
    try:
        with run_lock(folder):
            return False
    except ValueError:
        return True


def _take(folder: Path, file: BinaryIO, option: str) -> None:
    if sys.platform == "win32":
        return
    try:
        # POSIX's record locks, not `flock`, whose locks forked processes share.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        file.seek(0)
        owner = file.read().decode(errors="replace") or "another process"
        raise ValueError(
            f"Another run is in `{folder}`: {owner}. Wait until it has ended, or give this one a "
            f"folder of its own with `{option}`."
        ) from error
    except OSError:
        # A file system without locks: two runs in one folder are then the user's to avoid.
        return
