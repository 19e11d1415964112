"""Encoders: how tasks run through a backbone, from an image to one feature pyramid per task.

`Shared` is one stream for all tasks, `Separate` one for each with what trains of its own; what
trains is a tuning's word (`vtagml.tuning`). `VTAGML` is the paper's: vision adapters on a frozen
backbone, conditioned by task affinity, all streams folded into one batch. `VMT` is VMT-Adapter:
one stream, and features of each task beside it. `LastBlocks` is MTLoRA's form: one stream, and the
last block of each stage once more for each task; `TADFormer` has prompts and filters there.
"""

from vtagml.encoders.encoder import Encoder
from vtagml.encoders.last_blocks import LastBlocks
from vtagml.encoders.separate import Separate
from vtagml.encoders.shared import Shared
from vtagml.encoders.tadformer import TADFormer
from vtagml.encoders.tuned import Tuned
from vtagml.encoders.vmt import VMT
from vtagml.encoders.vtagml import VTAGML

__all__ = ["VMT", "VTAGML", "Encoder", "LastBlocks", "Separate", "Shared", "TADFormer", "Tuned"]
