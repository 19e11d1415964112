"""The names of a model's classes: kept with its checkpoints, needed where the data has others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from lightning import Callback, LightningModule, Trainer
from rich import get_console

from vtagml.tasks import Task

KEY = "class_names"


class ClassNames(Callback):
    """Lets a checkpoint be evaluated on data with other classes than it was trained on.

    Checkpoints keep what each task's classes are called (`class_names`). Before one is validated,
    tested or used to predict, its tasks are told, and where the data has others a line says how
    predictions are mapped to them (`vtagml.tasks.ClassMap`). Training takes the data's names,
    unless a task was given its own.

    Args:
        checkpoint: What is evaluated. Lightning says it only when it is too late, after `setup`.
    """

    def __init__(self, checkpoint: str | Path | None = None) -> None:
        self.checkpoint = checkpoint

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        # Before the module's own `setup`, which refuses another number of classes without names.
        labels = getattr(getattr(trainer, "datamodule", None), "labels", None)
        if labels is None:
            return
        kept = {} if stage == "fit" else kept_names(self.checkpoint)
        for name, task in _tasks(pl_module).items():
            # Another number is another model, as is said when its weights are loaded.
            if len(kept.get(name, ())) == task.channels:
                task.trained_on(kept[name])
            task.bind(labels)
            if task.class_map is not None and trainer.is_global_zero:
                get_console().print(f"{name}: {task.class_map}.", soft_wrap=True, highlight=False)
        if evaluation := getattr(pl_module, "evaluation", None):
            evaluation.renew()  # metrics count as many classes as there are

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        tasks = _tasks(pl_module).items()
        checkpoint[KEY] = {name: list(task.class_names) for name, task in tasks if task.class_names}


def kept_names(checkpoint: str | Path | None) -> Mapping[str, list[str]]:
    """Returns the names of each task's classes in a checkpoint; none if it has none."""
    if checkpoint is None:
        return {}
    try:
        # Mapped, so that of gigabytes of weights nothing is read.
        content = torch.load(checkpoint, map_location="cpu", mmap=True, weights_only=True)
        return dict(content.get(KEY, {}))
    except Exception:  # of any kind: the Trainer reads the file next, and says what is wrong
        return {}


def _tasks(module: LightningModule) -> Mapping[str, Task]:
    return cast(Any, module).tasks
