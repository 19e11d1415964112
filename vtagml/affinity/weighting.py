"""Affinities that leave ω alone and weigh the losses."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from vtagml.affinity.identity import Identity
from vtagml.ranks import mean_of_ranks

Losses = Float64[Tensor, " task"]
Known = Bool[Tensor, " task"]

SMALLEST = 1e-3  # A task of weight zero would show no gradient, and so never come back.
LARGEST = 1e30  # Stands for what float32 does not hold: times a loss of zero it would be NaN.


class Weighting(Identity):
    """ω = I, and loss weights w_n that are state of their own, not the column sums of ω.

    Encoders that average by ω are conditioned on each task alone. A sibling changes
    `loss_weights`, in `observe` by the gradients or, in a `LossWeighting`, by the losses.

    Note:
        w_n multiplies the loss, so a task's decoder is trained with it, too. Where a method
        weighs the gradients of shared parameters alone, as the papers of most Gramian weightings
        do, its decoders are not weighted.

    Args:
        tasks: Names of the tasks.
    """

    loss_weights: Losses

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(tasks)
        self.register_buffer("loss_weights", torch.ones(len(self.tasks), dtype=torch.float64))

    @property
    def weights(self) -> Float[Tensor, " task"]:
        """Loss weight w_n of each task."""
        return self.loss_weights.to(self.device, torch.float32)


class LossWeighting(Weighting):
    """Loss weights that follow the losses, averaged over all ranks.

    Args:
        tasks: Names of the tasks.
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(tasks)
        self._step: int | None = None  # not saved: no run is resumed within a step

    @torch.no_grad()
    def see(self, step: int, losses: Float[Tensor, " task"]) -> None:
        found = mean_of_ranks(losses.to(self.loss_weights.device).double())
        # Zero is the loss of a task without a label, or that is not taught.
        known = found.isfinite() & (found > 0)
        first, self._step = step != self._step, step
        self.weigh(torch.where(known, found, 1.0), known, step if first else None)

    @abstractmethod
    def weigh(self, losses: Losses, known: Known, step: int | None) -> None:
        """Sets `loss_weights` for a batch. The hook that a sibling overrides.

        Args:
            losses: Of each task; one where it is not known.
            known: Whether a task has a loss that is positive and finite.
            step: The optimiser step, if the batch is its first: accumulation has more.
        """
