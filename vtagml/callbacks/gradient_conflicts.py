"""How often the gradients of two tasks point against each other."""

from itertools import combinations
from typing import Any

import torch
from jaxtyping import Float, Int64
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from vtagml.attempt import Attempt
from vtagml.callbacks.checks import check_positive
from vtagml.callbacks.publish import log_numbers, publish
from vtagml.drawing import cosine_histograms
from vtagml.multitask import multitask

BINS = 200  # Of a hundredth: cosines of real gradients are often within 0.1 of zero.


class GradientConflicts(Callback):
    """Counts the cosines of the tasks' gradients, and draws a histogram per pair at the end.

    Logs the share of steps with a negative cosine (`conflicts/<task>/<task>`) and leaves
    `figures/gradient_conflicts.png` in the run's folder.

    Args:
        every: Optimiser steps between two logs.
    """

    def __init__(self, every: int = 100) -> None:
        self.every = check_positive("GradientConflicts", "every", every)
        self.counts: Int64[Tensor, "task source bins"] | None = None
        self._attempt = Attempt("The plot of gradient conflicts")
        self._last_step = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        affinity = multitask(pl_module).network.affinity
        cosines = affinity.last_cosines
        if not trainer.is_global_zero or step == self._last_step or len(affinity.tasks) < 2:
            return
        self._last_step = step
        if cosines is None:  # an affinity that does not learn observes nothing
            return
        added = cosine_counts(cosines)
        before = 0 if self.counts is None else self.counts.to(added.device)
        self.counts = added + before
        if step % self.every == 0:
            with self._attempt():
                log_numbers(trainer, conflict_shares(self.counts, affinity.tasks), step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero or self.counts is None:
            return
        tasks = multitask(pl_module).network.affinity.tasks
        with self._attempt():
            step = trainer.global_step
            log_numbers(trainer, conflict_shares(self.counts, tasks), step)
            figure = cosine_histograms(self.counts, tasks)
            publish(trainer, figure, "gradient_conflicts", "conflicts/histogram", step)

    def state_dict(self) -> dict[str, Any]:
        counts = None if self.counts is None else self.counts.cpu()
        return {"counts": counts, "last_step": self._last_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.counts, self._last_step = state_dict["counts"], state_dict["last_step"]


def cosine_counts(cosines: Float[Tensor, "task source"]) -> Int64[Tensor, "task source bins"]:
    """Returns a one in the bin of each cosine, bins from -1 to 1; nothing where it is NaN."""
    known = cosines.isfinite()
    place = ((cosines.nan_to_num() + 1) / 2 * BINS).floor().long().clamp(0, BINS - 1)
    # By sign, so that rounding does not move a conflict across zero.
    place = torch.where(cosines < 0, place.clamp(max=BINS // 2 - 1), place)
    return torch.nn.functional.one_hot(place, BINS) * known[..., None]


def conflict_shares(
    counts: Int64[Tensor, "task source bins"], tasks: tuple[str, ...]
) -> dict[str, float]:
    """Returns for each pair that was observed the share of steps with a negative cosine."""
    below, observed = counts[..., : BINS // 2].sum(-1).tolist(), counts.sum(-1).tolist()
    return {
        f"conflicts/{tasks[first]}/{tasks[second]}": below[first][second] / observed[first][second]
        for first, second in combinations(range(len(tasks)), 2)
        if observed[first][second]
    }
