"""What a run is resumed from: written whole, read safely, found again, continued bit by bit.

`RunCheckpoint` decides when a checkpoint is taken and stops a run on a signal, `AtomicCheckpointIO`
writes and reads the file, `checkpoint_path` finds the last good one.
`packed_adapters` and `load_adapters` carry what trained to another run.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.checkpoints.adapters import load_adapters as load_adapters
    from vtagml.checkpoints.adapters import packed_adapters as packed_adapters
    from vtagml.checkpoints.checkpoint_io import AtomicCheckpointIO as AtomicCheckpointIO
    from vtagml.checkpoints.checkpoint_io import check_saved as check_saved
    from vtagml.checkpoints.checkpoint_path import checkpoint_path as checkpoint_path
    from vtagml.checkpoints.reading import read_checkpoint as read_checkpoint
    from vtagml.checkpoints.run_checkpoint import RunCheckpoint as RunCheckpoint

open_when_asked(__name__)
