"""Adapters from a file at the start of a run."""

from pathlib import Path

from lightning import Callback, LightningModule, Trainer

from vtagml.checkpoints.adapters import load_adapters
from vtagml.multitask import multitask


class LoadAdapters(Callback):
    """Starts from adapters that were trained on the same backbone; a checkpoint comes after it.

    Args:
        path: The file, relative to the working directory.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        # Not after steps of this trainer: a test behind a fit is of what that has made of them.
        if trainer.global_step == 0:
            load_adapters(multitask(pl_module).network, Path(self.path))
