"""Draws predictions beside labels, of the first batch of validation and test."""

from typing import Any

from lightning import Callback, LightningModule, Trainer

from vtagml.attempt import Attempt
from vtagml.callbacks.checks import check_positive
from vtagml.callbacks.kept_files import keep
from vtagml.callbacks.publish import publish
from vtagml.drawing import method_grid, prediction_grid, to_png
from vtagml.multitask import multitask


class PredictionGrid(Callback):
    """Draws image, truth and prediction of every task for the first samples.

    Leaves `figures/predictions_val_epoch_000.png` and so on, and `figures/predictions_test.png`,
    in the run's folder; of the last grid of each split also a picture per task, which shows the
    errors, too: `figures/predictions_val/<task>.png` and `figures/predictions_test/<task>.png`. The
    first batch is always the same, so epochs can be compared.

    Args:
        samples: Rows of the grid; fewer where the batch is smaller.
        every_epochs: Epochs between two validation grids.
    """

    def __init__(self, samples: int = 4, every_epochs: int = 1) -> None:
        self.samples = check_positive("PredictionGrid", "samples", samples)
        self.every_epochs = check_positive("PredictionGrid", "every_epochs", every_epochs)
        self._drawn: int | None = None  # the last epoch
        self._attempt = Attempt("A prediction grid")

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if batch_idx or dataloader_idx or trainer.sanity_checking or not trainer.is_global_zero:
            return
        epoch, fitting = trainer.current_epoch, trainer.state.fn == "fit"
        if fitting:
            # Not by the epoch's number: validations of every tenth are in the ninth, nineteenth, …
            if self._drawn is not None and 0 < epoch - self._drawn < self.every_epochs:
                return
            self._drawn = epoch
        split = "val" if fitting or trainer.validating else "test"
        name = f"predictions_{split}_epoch_{epoch:03d}" if fitting else f"predictions_{split}"
        tasks = multitask(pl_module).tasks
        with self._attempt():
            made = {"prediction": outputs["predictions"]}
            figure = prediction_grid(batch, made["prediction"], tasks, self.samples)
            publish(trainer, figure, name, f"predictions/{split}", trainer.global_step)
            for task in made["prediction"]:
                alone = method_grid(batch, made, tasks[task], self.samples)
                keep(trainer, f"figures/predictions_{split}/{task}.png", to_png(alone))

    on_test_batch_end = on_validation_batch_end
