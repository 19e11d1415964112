"""One cell as a process of its own, with its log."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from vtagml.benchmark.cells import Cell, shown
from vtagml.benchmark.standing import BEGINNING

THREADS = "OMP_NUM_THREADS"


def launcher() -> list[str]:
    """Returns the command line of this very environment, without the words."""
    script = Path(sys.executable).with_name("vtagml")
    if script.is_file():
        return [sys.executable, str(script)]
    return [sys.executable, "-c", "from vtagml.cli import main; main()"]


def environment(processes: int) -> dict[str, str]:
    """Returns the variables of a cell's process: several at once share the cores."""
    found = dict(os.environ)
    if processes > 1:
        found.setdefault(THREADS, str(max(1, (os.cpu_count() or 1) // processes)))
    return found


class CellProcess:
    """A cell at work.

    Its session is its own, so that Ctrl-C reaches the driver alone, which then asks its cells to
    stop once and waits for their checkpoints.

    Args:
        cell: What to run.
        resume: Whether from its own checkpoint.
        processes: How many run at once.
        command: What stands before the words, by default this environment's command line.
    """

    def __init__(
        self, cell: Cell, resume: bool, processes: int, command: Sequence[str] | None = None
    ) -> None:
        self.cell = cell
        self._began = time.monotonic()
        words = cell.words(resume)
        cell.log.parent.mkdir(parents=True, exist_ok=True)
        self._log: BinaryIO = cell.log.open("ab", buffering=0)
        self._log.write(f"{BEGINNING}{shown(words)}\n".encode())
        try:
            self._process = subprocess.Popen(
                [*(launcher() if command is None else command), *words],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                env=environment(processes),
                start_new_session=True,
            )
        except BaseException:
            self._log.close()
            raise

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def ended(self) -> int | None:
        """The exit status, None while it works; the log then says it, too."""
        status = self._process.poll()
        if status is not None:
            self._close(f"[ended with status {status} after {self.seconds:.0f} s]")
        return status

    def ask_to_stop(self) -> None:
        """Makes it stop after the step it is in, with a checkpoint."""
        self._process.terminate()

    def wait(self) -> None:
        """Waits for the end of one that was asked to stop."""
        self._process.wait()
        self._close(f"[stopped after {self.seconds:.0f} s]")

    def kill(self) -> None:
        """Ends it at once; its last checkpoint remains."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # with its workers and ranks
        self.wait()

    def _close(self, said: str) -> None:
        if self._log.closed:
            return
        # On a line of its own, whatever the process has printed last.
        self._log.write(f"\n{said}\n".encode())
        self._log.close()
