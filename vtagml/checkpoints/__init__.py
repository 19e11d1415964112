"""What a run is resumed from: written whole, read safely, found again, continued bit by bit.

`RunCheckpoint` decides when a checkpoint is taken and stops a run on a signal, `AtomicCheckpointIO`
writes and reads the file, `checkpoint_path` finds the last good one, `fit_in` keeps a folder for
one run. `save_adapters` and `load_adapters` carry what trained to another run.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.checkpoints.adapters import load_adapters, save_adapters
    from vtagml.checkpoints.adapters_callbacks import LoadAdapters, SaveAdapters
    from vtagml.checkpoints.checkpoint_io import AtomicCheckpointIO, check_saved
    from vtagml.checkpoints.checkpoint_path import checkpoint_path
    from vtagml.checkpoints.entering import evaluation_in, fit_in
    from vtagml.checkpoints.reading import read_checkpoint
    from vtagml.checkpoints.run_checkpoint import RunCheckpoint
    from vtagml.checkpoints.run_lock import run_lock
    from vtagml.checkpoints.whole_file import whole_file

__all__ = [
    "AtomicCheckpointIO",
    "LoadAdapters",
    "RunCheckpoint",
    "SaveAdapters",
    "check_saved",
    "checkpoint_path",
    "evaluation_in",
    "fit_in",
    "load_adapters",
    "read_checkpoint",
    "run_lock",
    "save_adapters",
    "whole_file",
]

open_when_asked(__name__)
