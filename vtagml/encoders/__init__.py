"""Encoders: each method is a network from an image to one feature pyramid per task.

`VTAGML` is the paper's: vision adapters on a frozen backbone, conditioned by task affinity. The
others are what it is measured against: `Frozen` (only decoders train), `PlainAdapters` (bottlenecks
that know nothing of the tasks), `FullFineTuning` (one backbone for all tasks, all of it trains) and
`SingleTask` (a backbone per task).
"""

from vtagml.encoders.encoder import Encoder
from vtagml.encoders.frozen import Frozen, SharedBackbone
from vtagml.encoders.full_fine_tuning import FullFineTuning
from vtagml.encoders.plain_adapters import PlainAdapters
from vtagml.encoders.single_task import SingleTask
from vtagml.encoders.vtagml import VTAGML

__all__ = [
    "VTAGML",
    "Encoder",
    "Frozen",
    "FullFineTuning",
    "PlainAdapters",
    "SharedBackbone",
    "SingleTask",
]
