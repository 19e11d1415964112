"""Figures, numbers and tables of a run: to every logger that takes them, figures as files too."""

from collections.abc import Sequence
from io import BytesIO
from typing import TypeAlias

import numpy as np
from lightning import Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from matplotlib.figure import Figure
from PIL import Image

from vtagml.callbacks.kept_files import keep
from vtagml.drawing import to_png

Cell: TypeAlias = str | int | float


def publish(trainer: Trainer, figure: Figure, name: str, tag: str, step: int) -> None:
    """Writes a figure to `<run folder>/figures/<name>.png` and logs it; empties the figure.

    It is rendered once: TensorBoard and W&B get the pixels of the file, other loggers nothing.

    Args:
        trainer: Knows the run's folder and its loggers.
        figure: Is empty afterwards.
        name: File name without ending, may contain folders.
        tag: Under which the loggers keep it; the same over the steps, so that they show a slider.
        step: The optimiser step that the figure belongs to.
    """
    png = to_png(figure)
    picture = Image.open(BytesIO(png)).convert("RGB")
    try:
        keep(trainer, f"figures/{name}.png", png)
    finally:  # A full disk here does not keep the picture from a server.
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_image(key=tag, images=[picture], step=step)
            elif isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image(tag, np.asarray(picture), step, dataformats="HWC")


def log_table(
    trainer: Trainer,
    tag: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    step: int,
) -> None:
    """Gives a table to every logger that can sort and plot one; the others are passed over."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.log_table(tag, list(columns), [list(row) for row in rows], step=step)


def log_numbers(trainer: Trainer, numbers: dict[str, float], step: int) -> None:
    """Gives numbers to every logger now, whatever `log_every_n_steps` says."""
    for logger in trainer.loggers:
        logger.log_metrics(numbers, step=step)
