"""Does jobs, several at once if asked, and goes on whatever becomes of one."""

import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Generic

from vtagml.launching.board import Board
from vtagml.launching.devices import environment
from vtagml.launching.job import AnyJob, JobProcess, launcher

PAUSE = 0.2
INTERRUPTED = 130
"""The exit status of a command that a signal of the keyboard ends."""


class Queue(ABC, Generic[AnyJob]):
    """What there is to do, one job after another."""

    @abstractmethod
    def next(self) -> AnyJob | None:
        """The job to begin now; None where there is none, or none before others have ended."""

    def goes_on(self, job: AnyJob) -> bool:
        """Looks at a job at work; one that is given up is stopped."""
        return True

    @abstractmethod
    def ended(self, job: AnyJob, status: int | None) -> Sequence[str]:
        """Takes note of the end of a job, and returns what to say of it.

        Args:
            job: That was begun.
            status: Its exit status, None where it was given up.
        """

    def interrupted(self, job: AnyJob) -> Sequence[str]:
        """Returns what to say of a job that the end of the runner has stopped."""
        return [f"{job.name} stopped"]


class Runner(Generic[AnyJob]):
    """Does all that a queue has.

    Args:
        queue: Says what.
        board: Shows it.
        processes: How many jobs are at work at once.
        variables: Of the jobs' environment where that has no others.
    """

    def __init__(
        self,
        queue: Queue[AnyJob],
        board: Board,
        processes: int = 1,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.queue, self.board, self.processes = queue, board, processes
        self.variables = variables or {}
        self._working: dict[int, JobProcess[AnyJob]] = {}  # by place

    def run(self) -> None:
        """Runs until nothing is left to do.

        Raises:
            KeyboardInterrupt: Ctrl-C or SIGTERM; what was at work has stopped with a checkpoint.
        """
        with _terminated_as_interrupted(), self.board.bar:
            try:
                while self._begin():
                    time.sleep(PAUSE)
                    self._follow()
            except BaseException:
                self._stop()
                raise

    def _begin(self) -> bool:
        """Begins what can be, and returns whether anything is at work."""
        free = (place for place in range(self.processes) if place not in self._working)
        for place in list(free):
            if (job := self.queue.next()) is None:
                break
            goes_on, variables = job.is_begun, environment(self.processes, place)
            self._working[place] = JobProcess(job, launcher(), {**self.variables, **variables})
            self.board.say(f"{job.name} {'goes on' if goes_on else 'begins'}: `{job.log}`")
        return bool(self._working)

    def _follow(self) -> None:
        self.board.show([process.job.name for process in self._working.values()])
        for place, process in list(self._working.items()):
            status = process.ended()
            if status is None:
                if not process.is_stopping and not self.queue.goes_on(process.job):
                    process.ask_to_stop()
                continue
            del self._working[place]
            given_up = process.is_stopping
            first, *others = self.queue.ended(process.job, None if given_up else status)
            took = timedelta(seconds=round(process.seconds))
            self.board.advance(f"{first} after {took}", *others)

    def _stop(self) -> None:
        """Asks all to stop and waits for them; whatever ends the waiting ends them at once."""
        working = list(self._working.values())
        self._working.clear()
        try:
            for process in working:
                process.ask_to_stop()
            left = working
            while left := [process for process in left if process.ended() is None]:
                time.sleep(PAUSE)
        finally:
            for process in working:
                process.kill()
            for process in working:
                self.board.say(*self.queue.interrupted(process.job))


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Makes SIGTERM, which schedulers send, end a block as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
