"""The result of a test: a table on the terminal, and a file that says what produced it."""

import time
from collections.abc import Mapping
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from rich import get_console
from torch import Tensor

from vtagml.attempt import Attempt
from vtagml.callbacks.checks import check_positive
from vtagml.callbacks.image_blind_prior import ImageBlindPrior, learn_predictions
from vtagml.callbacks.kept_files import keep
from vtagml.callbacks.provenance import provenance
from vtagml.callbacks.results_table import results_table
from vtagml.multitask import multitask
from vtagml.run_folder import METRICS, to_json
from vtagml.tasks import Task


class Results(Callback):
    """Prints all metrics of a test beside those of a prediction that never looks at the image.

    Leaves `metrics.json` in the run's folder: the metrics of both rows; what the tasks say of them
    (units, directions, what must agree for two results to be compared); and what produced them
    (command, versions, commit, data, backbone and weights, settings of the tasks, hardware, time
    of training). A failure to write it is an error.

    Args:
        prior_batches: Training batches from which the image-blind prediction is learned.
    """

    def __init__(self, prior_batches: int = 16) -> None:
        self.prior_batches = check_positive("Results", "prior_batches", prior_batches)
        self.seconds, self.steps = 0.0, 0
        self.samples = 0
        self.prior: ImageBlindPrior | None = None
        self.prior_metrics: dict[str, dict[str, float]] = {}
        self._attempt = Attempt("The row of the image-blind prior")
        self._started: float | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.steps = trainer.global_step

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seconds, self._started = self._elapsed(), None

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.samples, self.prior, self.prior_metrics = 0, None, {}
        tasks = multitask(pl_module).tasks
        learned: dict[str, Tensor] = {}
        with self._attempt():
            learned = learn_predictions(trainer, tasks, self.prior_batches)
        # Outside the attempt: every rank has to take part, or the others wait for ever.
        learned = trainer.strategy.broadcast(learned)
        self.prior = ImageBlindPrior(learned, tasks) if learned else None

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.samples += len(batch["image"])
        if self.prior is not None:
            self.prior.update(batch)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        count = torch.tensor(self.samples, device=pl_module.device)
        self.samples = int(trainer.strategy.reduce(count, reduce_op="sum"))
        if self.prior is not None:
            self.prior_metrics = self.prior.compute()

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        tasks = multitask(pl_module).tasks
        rows = {"model": model_metrics(trainer, tasks), "image-blind prior": self.prior_metrics}
        content = {
            "metrics": {"model": rows["model"], "prior": self.prior_metrics},
            **described(tasks),
            "provenance": {
                **provenance(trainer, multitask(pl_module)),
                "test_samples": self.samples,
                "training": {"seconds": self._elapsed(), "steps": self.steps},
            },
        }
        keep(trainer, METRICS, to_json(content))
        shown = {name: row for name, row in rows.items() if row}
        if shown:
            get_console().print(results_table(shown, tasks))

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self._elapsed(), "steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds, self.steps = state_dict["seconds"], state_dict["steps"]

    def _elapsed(self) -> float:
        running = 0.0 if self._started is None else time.monotonic() - self._started
        return self.seconds + running


def described(tasks: Mapping[str, Task]) -> dict[str, dict[str, Any]]:
    """Returns what the tasks say of their metrics, so that who reads them needs no table of all."""
    return {
        "headline": {name: task.headline for name, task in tasks.items()},
        "higher_is_better": {name: task.directions() for name, task in tasks.items()},
        "units": {
            name: {metric: unit._asdict() for metric, unit in task.units.items()}
            for name, task in tasks.items()
        },
        "comparable": {name: task.comparable() for name, task in tasks.items()},
        "letters": {name: task.letter or name for name, task in tasks.items()},
    }


def model_metrics(trainer: Trainer, tasks: Mapping[str, Task]) -> dict[str, dict[str, float]]:
    """Returns what the module logged as `test/<task>/<metric>`, so that table and logs agree."""
    logged = {key: float(value) for key, value in trainer.callback_metrics.items()}
    return {
        name: {
            key.removeprefix(f"test/{name}/"): value
            for key, value in logged.items()
            if key.startswith(f"test/{name}/")
        }
        for name in tasks
    }
