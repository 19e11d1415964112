"""The geometric mean of the losses."""

import torch

from vtagml.affinity.weighting import LARGEST, Known, Losses, LossWeighting


class GLS(LossWeighting):
    """Geometric loss strategy: the gradient of (Π_n L_n)^{1/N} (Chennupati et al., MultiNet++).

    d(Π L)^{1/N} = Σ_n w_n·dL_n with w_n = (Π L)^{1/N} / (N·L_n), of the N tasks whose loss is
    known; the weights of the others are one and meet a loss of zero. Their sum is not N: this is
    the gradient as it is.

    Note:
        Where batches are accumulated to a step, it is the mean of their geometric means. A task's
        fixed weight is an exponent, since only w_n·L_n is the same for all.

    Args:
        tasks: Names of the tasks.
    """

    def weigh(self, losses: Losses, known: Known, step: int | None) -> None:
        count = known.sum().clamp(min=1)
        mean = losses.log().sum() / count  # the logarithm of one is nothing
        weights = ((mean - losses.log()).exp() / count).clamp(max=LARGEST)
        self.loss_weights.copy_(torch.where(known, weights, 1.0))
