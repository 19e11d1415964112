"""Signals that ask a run to stop: noted when they come, obeyed when a step is complete."""

import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

from vtagml.checkpoints.slurm import REQUEUE_SIGNAL, job


class StopRequest:
    """Notes SIGINT (Ctrl-C), SIGTERM and, under SLURM, the signal to requeue.

    A signal comes at any moment, in the middle of an optimiser step too, when what could be saved
    is neither the state before nor the one after it. A second Ctrl-C stops at once.

    Attributes:
        number: The signal that came, 0 if none did.
    """

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}
        self._process = os.getpid()

    def listen(self) -> None:
        """Takes over the signals, from Lightning too, which would save or stop in mid-step."""
        if threading.current_thread() is not threading.main_thread():
            return
        self.number, self._process = 0, os.getpid()
        numbers = [signal.SIGINT, signal.SIGTERM, *([REQUEUE_SIGNAL] if job() else [])]
        self._before = {int(number): signal.signal(number, self._receive) for number in numbers}

    def close(self) -> None:
        """Gives the signals back."""
        before, self._before = self._before, {}
        for number, handler in before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a process forked from this one inherits the handler
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        if self.number and number == signal.SIGINT:
            signal.default_int_handler(number, frame)
        self.number = number
        # Not `print`: the signal may have come in the middle of one.
        again = " Ctrl-C again stops at once." if number == signal.SIGINT else ""
        message = f"\n{name(number)}: stops after this step, with a checkpoint.{again}\n"
        with suppress(OSError, ValueError):  # nobody may be reading any more
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, message.encode())


def name(number: int) -> str:
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
