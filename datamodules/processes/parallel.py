"""The same function on many items, on all cores; a process that dies is a result, not a hang."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from threading import Thread
from typing import Any, TypeVar

from datamodules.processes.workers import signals_wait, single_thread

Result = TypeVar("Result")

# Results wait in memory until their turn; a sample of a large dataset has some 20 MB.
UNDER_WAY = 3
MOST_DEATHS = 20


@dataclass(frozen=True)
class Died:
    """Stands for the result of an item whose process was killed while it worked on it."""

    def __str__(self) -> str:
        return (
            "its process was killed, as the system does when memory runs out, or crashed in a"
            " library; use fewer processes, or look at the files that it read"
        )


def in_processes(
    function: Callable[[int], Result], count: int, processes: int | None
) -> Iterator[Result | Died]:
    """Yield `function(0)`, `function(1)`, … in this order; an error of the function is raised.

    When a process dies, those items that were under way are tried again, each alone in a new
    process, so that the culprit is known and the others are not lost.

    Args:
        function: Must be picklable.
        count: How many.
        processes: How many at once; by default one per core, 0 works in this process.

    Raises:
        ChildProcessError: Process after process was killed.
    """
    processes = cores() if processes is None else processes
    if processes < 0:
        raise ValueError(f"`processes` should be 0 or more, found {processes}.")
    if processes == 0:
        yield from map(function, range(count))
        return
    start, deaths = 0, 0
    while start < count:
        try:
            for result in _pooled(function, range(start, count), processes):
                yield result
                start += 1
        except BrokenProcessPool:
            for index in range(start, min(count, start + UNDER_WAY * processes)):
                alone = _alone(function, index)
                deaths += isinstance(alone, Died)
                _give_up_after(deaths, index)
                yield alone
                start += 1
            processes = max(1, processes // 2)  # if memory is short, fewer may fit


def alive(
    results: Iterable[Result | Died], name: Callable[[int], str], kept: str
) -> Iterator[Result]:
    """Yield results as long as no process died; then an error says of which, and what is kept."""
    for index, result in enumerate(results):
        if isinstance(result, Died):
            raise ChildProcessError(f"{name(index)}: {result}. {kept}")
        yield result


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pooled(function: Callable[[int], Result], items: range, processes: int) -> Iterator[Result]:
    pool = ProcessPoolExecutor(
        min(processes, len(items)), initializer=_start_worker, initargs=(function,)
    )
    try:
        waiting: deque[Future[Any]] = deque()
        for index in items:
            with signals_wait():  # the first starts the processes
                waiting.append(pool.submit(_work, index))
            if len(waiting) >= UNDER_WAY * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _alone(function: Callable[[int], Result], index: int) -> Result | Died:
    try:
        return next(_pooled(function, range(index, index + 1), 1))
    except BrokenProcessPool:
        return Died()


def _give_up_after(deaths: int, index: int) -> None:
    if deaths > MOST_DEATHS:
        raise ChildProcessError(
            f"{deaths} processes were killed one after the other, the last at sample {index}."
            " Memory may be too small: use fewer `processes`, or 0 to see the error itself."
        )


_function: Callable[[int], Any] | None = None


def _start_worker(function: Callable[[int], Any]) -> None:
    global _function
    _function = function
    single_thread(0)
    # If the parent is killed, nobody else would end us.
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _work(index: int) -> Any:
    assert _function is not None
    return _function(index)
