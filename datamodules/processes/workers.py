"""Processes that load: one thread each, there until the run has stopped, gone when it ends."""

import atexit
import ctypes
import os
import platform
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import cv2
import torch

OUTLIVES = 30  # seconds after SIGTERM
LARGEST_ON_HEAP = (-3, 32 * 2**20)  # glibc's M_MMAP_THRESHOLD: it takes no more
KEPT = (-1, 256 * 2**20)  # M_TRIM_THRESHOLD
STOPPING = [signal.SIGINT, signal.SIGTERM] + ([signal.SIGUSR1] if os.name == "posix" else [])

_running: WeakSet[Any] = WeakSet()


def single_thread(worker: int) -> None:
    """Keep a loader's worker to one thread and to its memory, and alive while the run stops.

    The workers themselves use the other cores. A sample's arrays lie where those of the one before
    did: the system would empty every page anew that it gets back. Ctrl-C and a cluster's signals go
    to all processes of a run; a worker that obeyed them would break the step that the run still
    completes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.name == "posix":
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # not what the run itself does then
        signal.signal(signal.SIGTERM, lambda *_: signal.alarm(OUTLIVES))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    if platform.libc_ver()[0] == "glibc":
        for setting in (LARGEST_ON_HEAP, KEPT):
            ctypes.CDLL(None).mallopt(*setting)


@contextmanager
def signals_wait() -> Iterator[None]:
    """Lets processes begin that get the signals that stop a run when they are ready for them."""
    if os.name != "posix":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop_at_exit(batches: Any) -> None:
    """Ends the workers of a DataLoader's iterator, if it has any, before the program ends.

    They do not obey the signal by which Python would end them then, and it would wait for them.
    """
    if hasattr(batches, "_shutdown_workers"):
        _running.add(batches)
        # PyTorch's own hook comes with each iterator; what is registered last runs first.
        atexit.unregister(_stop)
        atexit.register(_stop)


def _stop() -> None:
    for batches in list(_running):
        batches._shutdown_workers()
