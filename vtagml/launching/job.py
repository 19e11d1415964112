"""One run of our own command line, and its process."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

from vtagml.run_folder import RunFolder

BEGINNING = "$ "
ENDED = re.compile(r"\[ended with status (-?\d+) after \d+ s\]")
TAIL = 15  # Lines of a log that tell why a run failed.
SECONDS_TO_STOP = 600.0  # A run asked to stop ends after its step, with a checkpoint.


class Job:
    """A run to be done.

    Args:
        name: For people.
        folder: Its run folder.
        words: Behind `lightning`, but for those that name the folder and a checkpoint of its own.
    """

    def __init__(self, name: str, folder: Path, words: Sequence[str] = ()) -> None:
        self.name, self.folder, self._words = name, folder, words

    @cached_property
    def words(self) -> Sequence[str]:
        return self._words

    @property
    def log(self) -> Path:
        """What its process has printed; beside the folder, which the run itself may set aside."""
        return self.folder.with_name(f"{self.folder.name}.log")

    @property
    def is_begun(self) -> bool:
        """Whether it has a checkpoint of its own to go on from."""
        return any(RunFolder(self.folder).checkpoints.glob("*.ckpt"))

    def command(self, resume: bool = False) -> list[str]:
        """All words behind `lightning`."""
        own = ["--ckpt_path=last"] if resume else []
        return [*self.words, *own, f"--trainer.default_root_dir={self.folder}"]


AnyJob = TypeVar("AnyJob", bound=Job)


def as_typed(words: Sequence[str]) -> str:
    """The command as a user would type it."""
    return shlex.join(["lightning", *words])


def launcher() -> list[str]:
    """Returns the command line of this very environment, without the words."""
    script = Path(sys.executable).with_name("vtagml")
    if script.is_file():
        return [sys.executable, str(script)]
    return [sys.executable, "-c", "from vtagml.cli import main; main()"]


class JobProcess(Generic[AnyJob]):
    """A job at work; it goes on from its own checkpoint if it has one.

    Its session is its own, so that Ctrl-C reaches only who started it, who then asks it to stop
    once and waits for its checkpoint.

    Args:
        job: To run.
        launcher: What stands before its words.
        variables: Of its environment.
    """

    def __init__(self, job: AnyJob, launcher: Sequence[str], variables: Mapping[str, str]) -> None:
        self.job, self._began = job, time.monotonic()
        self._asked: float | None = None  # when it was told to stop
        words = job.command(job.is_begun)
        job.log.parent.mkdir(parents=True, exist_ok=True)
        with job.log.open("ab", buffering=0) as file:
            file.write(f"{BEGINNING}{as_typed(words)}\n".encode())
            self._process = subprocess.Popen(
                [*launcher, *words],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=dict(variables),
                start_new_session=True,
            )

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to."""
        return self._asked is not None

    def ended(self) -> int | None:
        """The exit status, which the log keeps; None while it works."""
        if self._asked is not None and time.monotonic() - self._asked > SECONDS_TO_STOP:
            self.kill()
        status = self._process.poll()
        if status is not None:
            end = "stopped" if self.is_stopping else f"ended with status {status}"
            self._note(f"[{end} after {self.seconds:.0f} s]")
        return status

    def ask_to_stop(self) -> None:
        """Makes it stop after the step it is in, with a checkpoint; it has so long to do so."""
        self._asked = self._asked or time.monotonic()
        self._process.terminate()

    def kill(self) -> None:
        """Ends it now, with its workers and ranks."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _note(self, line: str) -> None:
        """Writes a line of its own into the log, whatever the process has printed last."""
        with self.job.log.open("ab", buffering=0) as file:
            file.write(f"\n{line}\n".encode())


def failure_of(job: Job) -> str | None:
    """The end of the log of a job whose last attempt failed, None of any other."""
    if not job.log.is_file():
        return None
    lines = job.log.read_text(encoding="utf-8", errors="replace").splitlines()
    ended = ENDED.fullmatch(lines[-1]) if lines else None
    if ended is None or int(ended[1]) == 0:
        return None
    begun = [number for number, line in enumerate(lines) if line.startswith(BEGINNING)]
    return "\n".join(lines[begun[-1] + 1 if begun else 0 :][-TAIL:])
