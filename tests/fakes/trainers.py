"""Lightning's trainer, small and quiet."""

from pathlib import Path
from typing import Any

from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


def trainer(folder: Path, ranks: int = 1, **settings: Any) -> Trainer:
    """Trains on the CPU without validation, logger, bar, summary, or a checkpoint of its own.

    Args:
        folder: Of the run.
        ranks: How many processes.
        settings: Of Lightning's; one epoch, unless it is told otherwise or how many steps.
    """
    usual = {
        "accelerator": "cpu",
        "devices": ranks,
        "strategy": "ddp_fork" if ranks > 1 else "auto",
        "max_epochs": None if "max_steps" in settings else 1,
        "limit_val_batches": 0,
        "num_sanity_val_steps": 0,
        "logger": False,
        "enable_checkpointing": any(
            isinstance(each, ModelCheckpoint) for each in settings.get("callbacks", ())
        ),
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return Trainer(default_root_dir=folder, **(usual | settings))
