"""Weights under which the tasks' gradients are as long as their losses are behind."""

from collections.abc import Sequence

import torch

from vtagml.affinity.gram import Gram
from vtagml.affinity.weighting import SMALLEST, Known, Losses, LossWeighting


class GradNorm(LossWeighting):
    """Gradient normalisation (Chen et al., ICML 2018, Eq. 2) with the gradients at the fork.

    With G_n = w_n·|∇L_n|, Ḡ their mean, and r_n = (L_n/L_n(0)) / mean(L/L(0)) of the step, the
    weights descend Σ_n |G_n - Ḡ·r_n^α|, the target Ḡ·r_n^α being constant, and are made to have
    the mean one again:

        w_n ← w_n - rate·(|∇L_n|/Ḡ)·sign(G_n - Ḡ·r_n^α).

    Note:
        The paper takes the gradients of the last shared layer's weights; here they are those of
        the representation at the fork, which the backward brings anyhow, so the weights lag one
        step behind as ω does. It does not say which optimiser moves w; a plain step of the loss
        divided by Ḡ knows no unit, so that neither the losses' size nor a scaler matters.

        A further term of the objective that comes back at the fork carries no w_n and is divided by
        it all the same. A weight does not fall below a thousandth, and of accumulated batches the
        losses of the first are looked at.

    Args:
        tasks: Names of the tasks.
        alpha: α; the larger, the more a task that is behind is pulled along.
        rate: Step size of the weights.
    """

    learns = True

    start: Losses
    recent: Losses

    def __init__(
        self,
        tasks: Sequence[str],
        alpha: float = 1.5,  # Sec. 5.2
        rate: float = 0.025,  # Sec. 5.1
    ) -> None:
        super().__init__(tasks)
        if not rate > 0:
            raise ValueError(f"`rate` must be a positive number, found {rate}.")
        self.alpha, self.rate = alpha, rate
        self.register_buffer("start", torch.full_like(self.loss_weights, torch.nan))
        self.register_buffer("recent", self.start.clone())

    def weigh(self, losses: Losses, known: Known, step: int | None) -> None:
        if step is None:
            return
        self.recent.copy_(torch.where(known, losses, torch.nan))
        self.start.copy_(torch.where(self.start.isnan(), self.recent, self.start))

    @torch.no_grad()
    def observe(self, gram: Gram) -> None:
        super().observe(gram)
        lengths = gram.dots.to(self.start).diagonal().sqrt()  # the weights are in them
        left = self.recent / self.start
        known = (lengths > 0) & lengths.isfinite() & left.isfinite()
        mean = lengths.where(known, torch.nan).nanmean()
        behind = left / left.where(known, torch.nan).nanmean()
        slope = lengths / mean / self.loss_weights * (lengths - mean * behind**self.alpha).sign()
        moved = self.loss_weights - self.rate * slope.where(known, 0.0).nan_to_num()
        moved = moved.clamp(min=SMALLEST)
        self.loss_weights.copy_(moved / moved.mean())

    @property
    def settings(self) -> dict[str, int | float]:
        return {"alpha": self.alpha, "rate": self.rate}
