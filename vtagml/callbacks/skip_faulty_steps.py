"""Steps whose loss or gradient is not finite are left out, on all ranks, and counted."""

import logging
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from vtagml.callbacks.checks import check_positive
from vtagml.callbacks.kept_files import folder_of
from vtagml.multitask import multitask
from vtagml.ranks import sum_of_ranks

NAMES_SHOWN = 8

logger = logging.getLogger(__name__)


class FaultyTrainingError(ValueError):
    """Too many steps in a row had a loss or a gradient that is not finite."""


class SkipFaultySteps(Callback):
    """Leaves out a step with a NaN or an infinity in a loss or a gradient.

    Parameters, moments of the optimiser, S and ω stay as they were; only the schedule goes on.
    Averaging gradients brings a NaN of one rank to all, so all ranks leave out the same steps.
    Each rank warns of the tasks and samples that it saw fail itself;
    `train/faulty_steps` counts. After `patience` such steps in a row training stops with an error;
    the checkpoint `faulty.ckpt` in the run's folder is that of the last good step.

    An infinite gradient of losses that are finite on all ranks is no fault under 16-bit precision:
    the loss scale was too large, and the scaler leaves that step out itself.

    Args:
        patience: Faulty steps in a row after which training stops.
    """

    def __init__(self, patience: int = 10) -> None:
        self.patience = check_positive("SkipFaultySteps", "patience", patience)
        self.faulty = 0
        self.in_a_row = 0
        self._gives_up = False
        self._names: list[str] = []
        self._seen: list[tuple[Tensor, list[str]]] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._names = list(batch.get("name", []))

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        self._seen.append((multitask(pl_module).last_losses, self._names))

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        seen, self._seen = self._seen, []
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            # A fused optimiser looks for infinities in its step only, and would then find none.
            scaler.unscale_(optimizer)
        parameters = [
            parameter for group in optimizer.param_groups for parameter in group["params"]
        ]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if norm.isfinite():
            self.in_a_row = 0
            return
        # An optimiser passes over parameters without a gradient: no step, no decay, no moment.
        for parameter in parameters:
            parameter.grad = None
        multitask(pl_module).network.take_gram()
        if scaler is not None:
            faults = sum(not bool(losses.isfinite().all()) for losses, _ in seen)
            if not sum_of_ranks(norm.new_tensor(faults)):
                return
        self.faulty += 1
        self.in_a_row += 1
        pl_module.log("train/faulty_steps", float(self.faulty), batch_size=1)
        self._gives_up = self.in_a_row >= self.patience
        logger.warning("%s", self._report(trainer, multitask(pl_module).task_names, seen))

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        # Within a step a checkpoint would count a batch less than the loader has given.
        if self._gives_up:
            self._stop(trainer)

    def state_dict(self) -> dict[str, Any]:
        return {"faulty": self.faulty, "in_a_row": self.in_a_row}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.faulty, self.in_a_row = state_dict["faulty"], state_dict["in_a_row"]

    def _report(
        self, trainer: Trainer, tasks: list[str], seen: list[tuple[Tensor, list[str]]]
    ) -> str:
        broken = {
            task
            for losses, _ in seen
            for task, finite in zip(tasks, losses.isfinite().tolist(), strict=True)
            if not finite
        }
        names = [name for losses, names in seen if not losses.isfinite().all() for name in names]
        start = f"Step {trainer.global_step} is left out on rank {trainer.global_rank}"
        if not broken:
            return (
                f"{start}: its gradient is not finite, though the losses of this rank are; the"
                " backward overflowed, or the fault is another rank's. If it happens again, lower"
                " the learning rate or use a wider precision."
            )
        shown = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
        return (
            f"{start}: the loss of {', '.join(sorted(broken))} is not finite in a batch of"
            f" {shown}. Look at these samples, or lower the learning rate."
        )

    def _stop(self, trainer: Trainer) -> None:
        path = folder_of(trainer).faulty_checkpoint
        trainer.save_checkpoint(path)
        raise FaultyTrainingError(
            f"{self.in_a_row} steps in a row had a loss or gradient that is not finite; `patience`"
            f" is {self.patience}. `{path}` holds the last good step. Lower the learning rate, look"
            " at the samples that the warnings name, or resume from an earlier checkpoint."
        )
