"""Adapters from a file at the start of a run, and into a file at its end."""

from pathlib import Path
from typing import Any, cast

from lightning import Callback, LightningModule, Trainer

from vtagml.checkpoints.adapters import load_adapters, save_adapters
from vtagml.run_folder import RunFolder


class SaveAdapters(Callback):
    """Writes what trained, without the frozen backbone, when training ends.

    Args:
        path: The file, relative to the run's folder unless absolute.
    """

    def __init__(self, path: str = "adapters.safetensors") -> None:
        self.path = path

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero and not getattr(trainer, "fast_dev_run", False):
            root = Path(trainer.default_root_dir)
            RunFolder(root).claim(self.path)
            save_adapters(cast(Any, pl_module).network, root / self.path)


class LoadAdapters(Callback):
    """Starts from adapters that were trained on the same backbone; a checkpoint comes after it.

    Args:
        path: The file, relative to the working directory.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        load_adapters(cast(Any, pl_module).network, Path(self.path))
