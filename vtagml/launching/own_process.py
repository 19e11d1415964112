"""A command in a process, with what it prints in a file."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


def launcher() -> list[str]:
    """Returns the command line of this very environment, without the words."""
    script = Path(sys.executable).with_name("vtagml")
    if script.is_file():
        return [sys.executable, str(script)]
    return [sys.executable, "-c", "from vtagml.cli import main; main()"]


class OwnProcess:
    """A command at work.

    Its session is its own, so that Ctrl-C reaches only who started it, who then asks it to stop
    once and waits for its checkpoint.

    Args:
        command: All words.
        log: What it prints is written to the end of this file.
        variables: Of its environment, by default those of this process.
        heading: A line above what it prints.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        variables: Mapping[str, str] | None = None,
        heading: str | None = None,
    ) -> None:
        self._began, self._log = time.monotonic(), log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab", buffering=0) as file:
            if heading is not None:
                file.write(f"{heading}\n".encode())
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=None if variables is None else dict(variables),
                start_new_session=True,
            )

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def ended(self) -> int | None:
        """The exit status, None while it works."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Makes it stop after the step it is in, with a checkpoint."""
        self._process.terminate()

    def wait(self, seconds: float | None = None) -> bool:
        """Waits for its end, and returns whether that has come."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Ends it at once; its last checkpoint remains."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # with its workers and ranks
        self._process.wait()

    def note(self, said: str) -> None:
        """Writes a last line into the log, of its own whatever the process has printed last."""
        with self._log.open("ab", buffering=0) as file:
            file.write(f"\n{said}\n".encode())
