"""A worker's memory: what a sample had, the next one has."""

import multiprocessing
import platform
from collections.abc import Callable

import numpy as np
import pytest

from datamodules.processes.workers import single_thread

SAMPLES, ARRAYS, SIDE = 5, 5, 2048  # arrays of 16 MiB; of 64 at most glibc keeps by itself


def pages_emptied(begin: Callable[[int], None]) -> int:
    """How many pages the system hands out while samples come and go."""
    resource = pytest.importorskip("resource")
    begin(0)
    before = 0
    for sample in range(2 * SAMPLES):
        if sample == SAMPLES:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        arrays = [np.ones((SIDE, SIDE), np.float32) for _ in range(ARRAYS)]
        del arrays
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)


def nothing(worker: int) -> None:
    """As other loaders' workers begin."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have other ways")
def test_a_sample_has_the_memory_of_the_one_before() -> None:
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        kept, others = (pool.apply(pages_emptied, (begin,)) for begin in (single_thread, nothing))
    assert kept < others / 10  # pages can be large, and something else may have had a few
