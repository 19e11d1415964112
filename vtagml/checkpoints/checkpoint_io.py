"""How checkpoints reach the disk and come back."""

import warnings
from pathlib import Path
from typing import Any

import torch
from lightning import Trainer
from lightning.fabric.plugins import CheckpointIO

from vtagml.checkpoints.reading import read_checkpoint
from vtagml.run_folder import whole_file


class AtomicCheckpointIO(CheckpointIO):
    """Writes a checkpoint whole or not at all, and reads data only.

    A checkpoint that cannot be written (full disk, lost rights) does not end a run that may have
    lasted a week: it is said aloud, the last good file stays, also the one that the new one was to
    replace, and the next checkpoint is another attempt. `check_saved` makes it an error at the end.

    Attributes:
        failure: Why the newest checkpoint could not be written; None if it was.
    """

    def __init__(self) -> None:
        self.failure: str | None = None

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        # An error here would leave the other ranks waiting for this one.
        try:
            with whole_file(Path(path)) as file:
                torch.save(checkpoint, file)
            self.failure = None
        except (OSError, RuntimeError) as error:
            # torch reports a failed write as a RuntimeError; what caused it is the context.
            cause = error if isinstance(error, OSError) else error.__context__
            if not isinstance(cause, OSError):
                raise
            self.failure = f"The checkpoint `{path}` could not be written ({cause})"
            warnings.warn(
                f"{self.failure}. TRAINING GOES ON; an earlier checkpoint stays as it is. Make "
                "room or give rights: the next checkpoint is another attempt.",
                stacklevel=2,
            )

    def load_checkpoint(
        self, path: str | Path, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return read_checkpoint(Path(path), map_location or "cpu")

    def remove_checkpoint(self, path: str | Path) -> None:
        # Lightning removes the old file once the new one is written, and does not know it is not.
        if self.failure is None:
            Path(path).unlink(missing_ok=True)


def check_saved(trainer: Trainer) -> None:
    """Raises an error if the run's newest checkpoint could not be written."""
    failure = getattr(trainer.strategy.checkpoint_io, "failure", None)
    if failure is not None:
        raise OSError(
            f"{failure}. The run itself is complete, but not in any file: the last checkpoint is "
            "an earlier one. Make room and go on from there with `--ckpt_path last`."
        )
