"""Progress on the terminal: a bar for people, lines for log files."""

import math
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar
from rich import get_console

from vtagml.callbacks.checks import check_positive
from vtagml.multitask import multitask


class Progress(RichProgressBar):
    """Shows the losses of all tasks: as a bar on a terminal, else as a line now and then.

    And what else is logged for the bar, as the α of routers that fade.

    Args:
        every: Optimiser steps between two lines where there is no terminal.
        refresh_rate: How often a second the bar is drawn, 0 for no progress at all.
    """

    def __init__(self, every: int = 50, refresh_rate: int = 10) -> None:
        super().__init__(refresh_rate=refresh_rate)
        self.every = check_positive("Progress", "every", every)
        self._printed = 0

    @property
    def is_enabled(self) -> bool:
        return super().is_enabled and get_console().is_terminal

    @property
    def prints_lines(self) -> bool:
        return super().is_enabled and not get_console().is_terminal

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        return {**losses(trainer, pl_module), **others(trainer)}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        step = trainer.global_step
        if self.prints_lines and step % self.every == 0 and step != self._printed:
            self._printed = step
            steps = trainer.estimated_stepping_batches
            place = f"{step}/{int(steps)}" if math.isfinite(steps) else str(step)
            beside = "".join(
                f"; {_listed({name: value})}" for name, value in others(trainer).items()
            )
            _say(f"step {place}: loss {_listed(losses(trainer, pl_module))}{beside}")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_end(trainer, pl_module)
        if self.prints_lines and not trainer.sanity_checking:
            metrics = _listed(headlines(trainer, pl_module))
            _say(f"validation after step {trainer.global_step}: {metrics}")


def losses(trainer: Trainer, module: LightningModule) -> dict[str, float]:
    """Returns the last loss of each task by the task's name, and their sum where logged."""
    logged = trainer.callback_metrics
    tasks = multitask(module).tasks
    names = {"total": "train/loss"} | {name: f"train/{name}/loss" for name in tasks}
    return {name: float(logged[key]) for name, key in names.items() if key in logged}


def others(trainer: Trainer) -> dict[str, float]:
    """Returns what is logged for the progress bar and is no loss, by its last name."""
    logged = trainer.progress_bar_metrics
    return {
        key.rpartition("/")[2]: float(value)
        for key, value in logged.items()
        if key.startswith("train/") and not key.endswith("/loss") and isinstance(value, int | float)
    }


def headlines(trainer: Trainer, module: LightningModule) -> dict[str, float]:
    """Returns the headline metric of each task, as the last validation logged it."""
    keys = [f"{name}/{task.headline}" for name, task in multitask(module).tasks.items()]
    logged = trainer.callback_metrics
    return {key: float(logged[f"val/{key}"]) for key in keys if f"val/{key}" in logged}


def _listed(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())


def _say(line: str) -> None:
    # At once, because a log file is read while it grows, and plain, because it is no terminal.
    print(line, flush=True)
