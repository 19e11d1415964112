"""Processes that are killed are results, and nothing hangs."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

import pytest

from datamodules.processes.parallel import Died, alive, in_processes
from datamodules.processes.workers import STOPPING


def fatal(index: int) -> int:
    if index in (2, 3):
        os.kill(os.getpid(), signal.SIGKILL)
    return index


def test_gives_results_in_order_and_names_who_died() -> None:
    results: Iterator[int | Died] = in_processes(fatal, 12, processes=2)
    assert list(results) == [0, 1, Died(), Died(), *range(4, 12)]


def test_gives_up_when_everything_dies() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datamodules.processes.parallel.MOST_DEATHS", 1)
        with pytest.raises(ChildProcessError, match="2 processes were killed"):
            list(in_processes(fatal, 12, processes=2))


def test_a_death_is_an_error_that_names_the_item_and_what_is_kept() -> None:
    results = alive(iter([0, Died()]), "item {}".format, "The first is kept.")
    assert next(results) == 0
    with pytest.raises(ChildProcessError, match=r"item 1: its process was killed.*first is kept"):
        next(results)


def test_processes_start_while_the_signals_that_stop_a_run_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting: list[set[int]] = []
    submit = ProcessPoolExecutor.submit

    def seen(pool: ProcessPoolExecutor, *arguments: Any) -> Future[Any]:
        waiting.append({*signal.pthread_sigmask(signal.SIG_BLOCK, [])})
        return submit(pool, *arguments)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", seen)
    assert list(in_processes(abs, 2, 1)) == [0, 1]
    assert all({*STOPPING} <= each for each in waiting)
    assert not {*STOPPING} & {*signal.pthread_sigmask(signal.SIG_BLOCK, [])}
