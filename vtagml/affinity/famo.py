"""Weights under which all losses fall at the same rate, from the losses alone."""

from collections.abc import Sequence

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from vtagml.affinity.weighting import Known, Losses, LossWeighting

MEAN, SQUARE, EPSILON = 0.9, 0.999, 1e-8  # Adam's


class FAMO(LossWeighting):
    """Fast adaptive multitask optimisation (Liu et al., NeurIPS 2023, Algorithm 2).

    The network follows Σ_n c·z_n·∇log L_n with z = softmax(ξ) and c = (Σ_n z_n/L_n)^{-1}, that is
    w_n = N·c·z_n/L_n, of mean one. ξ follows Jᵀδ by Adam with weight decay γ, where J is the
    Jacobian of the softmax and δ_n = log L_n(before) - log L_n(after) is how much the last step
    has lowered a loss.

    Note:
        The paper runs the network again on the batch of the step, to know the loss after it. Here
        that is the loss on the next step's batch: no forward more, but δ is as noisy as losses are
        from batch to batch. Of accumulated batches the first is looked at.

        The paper's weights sum to one; the factor N is the learning rate's.

    Args:
        tasks: Names of the tasks.
        rate: Learning rate of ξ.
        decay: γ.
    """

    logits: Losses
    mean: Losses
    square: Losses
    updates: Int64[Tensor, ""]
    before: Losses

    def __init__(
        self,
        tasks: Sequence[str],
        rate: float = 0.025,  # Algorithm 2
        decay: float = 1e-3,  # Algorithm 2; the released code has 1e-5
    ) -> None:
        super().__init__(tasks)
        if not min(rate, decay) >= 0:
            raise ValueError(f"`rate` and `decay` must be 0 or more, found {rate} and {decay}.")
        self.rate, self.decay = rate, decay
        for name in ("logits", "mean", "square"):
            self.register_buffer(name, torch.zeros_like(self.loss_weights))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.register_buffer("before", torch.full_like(self.loss_weights, torch.nan))

    def weigh(self, losses: Losses, known: Known, step: int | None) -> None:
        if step is None:
            return
        both = known & ~self.before.isnan()
        fallen = torch.where(both, self.before.log() - losses.log(), 0.0)
        self._descend(fallen, both.any())
        self.before.copy_(torch.where(known, losses, self.before))
        shares = torch.where(known, self.logits.log_softmax(0) - losses.log(), -torch.inf)
        weights = known.sum() * shares.softmax(0)
        self.loss_weights.copy_(torch.where(known, weights, 1.0))

    def _descend(self, fallen: Losses, due: Tensor) -> None:
        """A step of Adam on ξ; none where nothing is known of two steps."""
        shares = self.logits.softmax(0)
        gradient: Float64[Tensor, " task"] = shares * (fallen - (shares * fallen).sum())
        gradient = gradient + self.decay * self.logits
        self.updates += due
        mean = MEAN * self.mean + (1 - MEAN) * gradient
        square = SQUARE * self.square + (1 - SQUARE) * gradient**2
        count = self.updates.double()  # a power of an integer would be float32
        corrected = mean / (1 - MEAN**count), square / (1 - SQUARE**count)
        moved = self.logits - self.rate * corrected[0] / (corrected[1].sqrt() + EPSILON)
        for state, value in ((self.mean, mean), (self.square, square), (self.logits, moved)):
            state.copy_(torch.where(due, value, state))

    @property
    def settings(self) -> dict[str, int | float]:
        return {"rate": self.rate, "decay": self.decay}
