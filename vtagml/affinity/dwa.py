"""Weights by how slowly each loss falls."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vtagml.affinity.weighting import LARGEST, Known, Losses, LossWeighting


class DWA(LossWeighting):
    """Dynamic weight average, w_n = N·softmax_n(r_n / T) (Liu et al., MTAN, Eq. 7).

    r_n = L_n(t-1) / L_n(t-2) is how much is left of a task's mean loss from one window of `every`
    optimiser steps to the next; one, as long as two windows of it are not known.

    Note:
        The paper's windows are epochs. Set `every` to the optimiser steps of one.

    Args:
        tasks: Names of the tasks.
        temperature: T; the larger, the more equal are the weights.
        every: Optimiser steps in a window.
    """

    total: Losses
    batches: Losses
    newer: Losses
    older: Losses

    def __init__(
        self,
        tasks: Sequence[str],
        temperature: float = 2.0,  # MTAN, Sec. 3.3
        every: int = 100,  # paper: an epoch
    ) -> None:
        super().__init__(tasks)
        if not temperature > 0:
            raise ValueError(f"`temperature` must be a positive number, found {temperature}.")
        if every < 1:
            raise ValueError(f"`every` must be at least 1 step, found {every}.")
        self.temperature, self.every = temperature, every
        for name, start in (("total", 0.0), ("batches", 0.0), ("newer", torch.nan)):
            self.register_buffer(name, torch.full_like(self.loss_weights, start))
        self.register_buffer("older", self.newer.clone())

    def weigh(self, losses: Losses, known: Known, step: int | None) -> None:
        if step is not None and step % self.every == 0:
            self._close()
        self.total += torch.where(known, losses, 0.0)
        self.batches += known

    def _close(self) -> None:
        """Ends a window: a task without a loss in it keeps the means that it has."""
        seen = self.batches > 0
        self.older.copy_(torch.where(seen, self.newer, self.older))
        self.newer.copy_(torch.where(seen, self.total / self.batches, self.newer))
        self.total.zero_()
        self.batches.zero_()
        left: Tensor = (self.newer / self.older).clamp(max=LARGEST).nan_to_num(1.0)
        self.loss_weights.copy_(len(self.tasks) * (left / self.temperature).softmax(0))

    @property
    def settings(self) -> dict[str, int | float]:
        return {"temperature": self.temperature, "every": self.every}
