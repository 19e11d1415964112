"""Router fading: experts' weights go to one, so that they merge into the plain network."""

from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.rank_zero import rank_zero_warn

from vtagml.experts import routers
from vtagml.multitask import multitask


class RouterFading(Callback):
    """Brings α of all routers from one to zero while the run lasts, EMTAL, Eq. (12).

    α falls linearly between two shares of the run's optimiser steps and follows from the number of
    steps alone, so that a resumed run has the same; from `end` on, and after the last step whatever
    `end` is, it is exactly zero. In a run that is prolonged it does not rise again. Evaluations see
    what the steps before them have left. Logs `train/alpha`, also for the progress bar.

    Note:
        The paper fades "in the later stages", over 50 epochs; its release from the first step to
        the middle of the run, as is the default.

    Args:
        start: Share of the run up to which α is one.
        end: Share from which it is zero.
    """

    def __init__(self, start: float = 0.0, end: float = 0.5) -> None:
        if not 0 <= start < end <= 1:
            raise ValueError(
                "`start` and `end` must be shares of the run, 0 ≤ start < end ≤ 1, found "
                f"{start:g} and {end:g}."
            )
        self.start, self.end = start, end
        self._steps = 0.0
        self._most = 1.0  # in a run that goes on: what it had

    def alpha(self, share: float) -> float:
        """Returns α when a share of the run is over."""
        return min(1.0, max(0.0, (self.end - share) / (self.end - self.start)))

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":  # before a table counts what will be left of the routers
            for router in routers(pl_module):
                router.end.fill_(self.end)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not any(routers(multitask(pl_module).network)):
            rank_zero_warn(
                "`RouterFading` finds no router: leave it out, or tune with "
                "`vtagml.tuning.MoEfiedLoRA` and more than one expert."
            )
        self._steps = float(trainer.estimated_stepping_batches)
        before = [float(router.alpha) for router in routers(multitask(pl_module).network)]
        self._most = min(before, default=1.0) if trainer.global_step else 1.0
        self._fade(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # Here, and not when the next step begins: a checkpoint or a validation may come before.
        alpha = self._fade(trainer, pl_module)
        pl_module.log("train/alpha", alpha, prog_bar=True, batch_size=1)

    def _fade(self, trainer: Trainer, module: LightningModule) -> float:
        alpha = min(self._most, self.alpha(trainer.global_step / self._steps))
        for router in routers(multitask(module).network):
            router.fade(alpha, self.end)
        return alpha
