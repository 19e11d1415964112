"""Processes that are killed are results, and nothing hangs."""

import os
import signal
from collections.abc import Iterator

import pytest

from datamodules.parallel import Died, each


def fatal(index: int) -> int:
    if index in (2, 3):
        os.kill(os.getpid(), signal.SIGKILL)
    return index


def test_each_gives_results_in_order_and_names_who_died() -> None:
    results: Iterator[int | Died] = each(fatal, 12, processes=2)
    assert list(results) == [0, 1, Died(), Died(), *range(4, 12)]


def test_each_gives_up_when_everything_dies() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datamodules.parallel.MOST_DEATHS", 1)
        with pytest.raises(ChildProcessError, match="2 processes were killed"):
            list(each(fatal, 12, processes=2))
