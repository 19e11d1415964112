"""Processes that are killed are results, and nothing hangs."""

import os
import signal
from collections.abc import Iterator

import pytest

from datamodules.processes.parallel import Died, alive, in_processes


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
