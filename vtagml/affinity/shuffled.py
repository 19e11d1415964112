"""TROA with its affinities given to the wrong tasks: what is left without the right pairing."""

import logging
import random
from collections.abc import Sequence

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from vtagml.affinity.transfer import Matrix
from vtagml.affinity.troa import TROA

logger = logging.getLogger(__name__)


class Shuffled(TROA):
    """TROA's ω with the off-diagonal entries of each row moved to other sources.

    The diagonal and the set of values of each row are TROA's, and so are the loss weights; which
    source got which is fixed at the start by `seed`. No off-diagonal entry keeps its place. With
    two tasks there is no other place, so it is TROA.

    Args:
        tasks: Names of the tasks.
        kappa: As in `TROA`.
        rho: As in `TROA`.
        start: As in `TROA`.
        every: As in `TROA`.
        seed: Chooses the permutation; it is saved with the state.
    """

    permutation: Int64[Tensor, "task source"]

    def __init__(
        self,
        tasks: Sequence[str],
        kappa: float = 1.0,
        rho: float = 0.3,
        start: int = 100,
        every: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__(tasks, kappa=kappa, rho=rho, start=start, every=every)
        if len(self.tasks) < 3:
            logger.warning("`Shuffled` equals `TROA` for fewer than three tasks: %s.", self.tasks)
        self.seed = seed
        self.register_buffer("permutation", _derangements(len(self.tasks), seed))

    def affinities(self) -> Matrix:
        return super().affinities().gather(1, self.permutation)

    @property
    def weights(self) -> Float32[Tensor, " task"]:
        return super().affinities().sum(0).to(self.device, torch.float32)

    def adopt(self, omega: Matrix, mean: Matrix | None = None) -> None:
        # What `affinities` gives is shuffled; E and the log-weights are what it was before.
        super().adopt(torch.empty_like(omega).scatter_(1, self.permutation, omega), mean)

    @property
    def settings(self) -> dict[str, int | float]:
        return {**super().settings, "seed": self.seed}


def _derangements(tasks: int, seed: int) -> Int64[Tensor, "task source"]:
    """For each row, where each column takes its value from: itself on the diagonal only."""
    generator = random.Random(seed)
    rows = []
    for target in range(tasks):
        others = [source for source in range(tasks) if source != target]
        cycle = sorted(others, key=lambda _: generator.random())
        # Each of the others takes from the one before it on a random cycle, never from itself.
        before = dict(zip(cycle, cycle[-1:] + cycle[:-1], strict=True))
        rows.append([before.get(source, source) for source in range(tasks)])
    return torch.tensor(rows)
