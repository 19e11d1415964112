"""Ranks as threads of one process, whose collectives really meet: as good as processes, and fast.

What is computed of them is exact, so that a sum that is left out, or divided by another number,
is found where the tests of real processes would take a minute to find it.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
import torch
import torch.distributed
from torch import Tensor

Result = TypeVar("Result")
SECONDS = 60  # One rank that never asks must not hang the others.


class Ranks:
    """Some threads, each of which `torch.distributed` takes for a rank."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._barrier = threading.Barrier(count, timeout=SECONDS)
        self._given: list[Any] = [None] * count
        self._mine = threading.local()

    def run(self, function: Callable[[int], Result]) -> list[Result]:
        """What the function, called with each rank on that rank, returns."""
        with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(self.count) as threads:
            patch.setattr(torch.distributed, "is_initialized", lambda: True)
            patch.setattr(torch.distributed, "get_world_size", lambda group=None: self.count)
            patch.setattr(torch.distributed, "get_rank", lambda group=None: self._mine.rank)
            patch.setattr(torch.distributed, "barrier", lambda group=None: self._barrier.wait())
            for name in ("all_reduce", "all_gather", "all_gather_object"):
                patch.setattr(torch.distributed, name, getattr(self, name))
            begun = [threads.submit(self._on, rank, function) for rank in range(self.count)]
            return [each.result() for each in begun]

    def all_reduce(self, tensor: Tensor) -> None:
        tensor.copy_(self.reduce(tensor, "sum"))

    def all_gather(self, found: list[Tensor], mine: Tensor, group: Any = None) -> None:
        for place, each in zip(found, self._alike(mine), strict=True):
            place.copy_(each)

    def all_gather_object(self, found: list[Any], mine: Any) -> None:
        found[:] = self._everyone(mine)

    def reduce(self, tensor: Tensor, reduce_op: str) -> Tensor:
        """As a strategy of Lightning reduces."""
        both = torch.stack(self._alike(tensor))
        return {"sum": both.sum, "min": both.amin, "max": both.amax}[reduce_op](0)

    def _on(self, rank: int, function: Callable[[int], Result]) -> Result:
        self._mine.rank = rank
        try:
            return function(rank)
        except BaseException:
            self._barrier.abort()
            raise

    def _alike(self, mine: Tensor) -> list[Tensor]:
        everyone = self._everyone(mine.detach().clone())
        # Other sizes or types are undefined behaviour between processes.
        assert {(each.shape, each.dtype) for each in everyone} == {(mine.shape, mine.dtype)}
        return everyone

    def _everyone(self, mine: Any) -> list[Any]:
        self._given[self._mine.rank] = mine
        self._barrier.wait()
        found = list(self._given)
        self._barrier.wait()  # Nobody gives the next one before all have read this one.
        return found
