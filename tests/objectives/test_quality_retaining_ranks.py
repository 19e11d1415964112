"""Banks, running losses and gradients of two ranks are those of one process."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.fakes.ranks import Ranks
from tests.objectives.retaining import images, term, united
from vtagml.objectives import LastTwo, MixedMean, MovingAverage, QualityRetaining, SumOfTasks

BATCHES = 3


@pytest.mark.parametrize("base", [SumOfTasks, MixedMean])
@pytest.mark.parametrize("bank", [MovingAverage, LastTwo])
@pytest.mark.parametrize("count", [6, 7])
def test_two_ranks_retain_as_one_process(count: int, bank: Any, base: Any) -> None:
    """Each takes every second sample, as the loaders do; the ranks know other tasks."""
    batches = [images(count, seed) for seed in range(BATCHES)]

    def trained(rows: slice) -> tuple[list[Tensor], dict[str, Tensor]]:
        objective = QualityRetaining(united(), base=base, bank=bank).double()
        gradients = []
        for found in batches:
            scores = found.scores.clone().requires_grad_()
            term(objective, scores[rows], found.batch(rows)).backward()
            assert scores.grad is not None
            gradients.append(scores.grad)
        return gradients, objective.state_dict()

    expected, alone = trained(slice(None))
    ranks = Ranks(2).run(lambda rank: trained(slice(rank, None, 2)))

    (one, first), (two, second) = ranks
    for key, value in alone.items():
        assert torch.equal(first[key], second[key]), key
        torch.testing.assert_close(first[key], value, rtol=1e-12, atol=0, msg=key)
    # DistributedDataParallel takes the mean over the ranks.
    for mine, other, whole in zip(one, two, expected, strict=True):
        assert whole.any()
        torch.testing.assert_close((mine + other) / 2, whole, rtol=1e-10, atol=1e-14)
