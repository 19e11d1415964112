"""From one dataset to another, and from known tasks to a new one (the settings of Sec. 4).

`SourceWeights` starts a fit from the network of another run. `ZeroShot` goes on from there on a
target without the labels of some tasks, which are evaluated all the same; `encoder_and_decoders`,
`decoders_only` and `norms_and_decoders` say which parameters tune. `NewTask` adds a task that was
never trained to a network of `KnownTasks`, with a `MeasuredRow` of ω or, to compare, a
`UniformRow`.
"""

from vtagml.transfer.known_tasks import KnownTasks
from vtagml.transfer.new_row import MeasuredRow, NewRow, UniformRow
from vtagml.transfer.new_task import NewTask
from vtagml.transfer.source_weights import SourceWeights
from vtagml.transfer.tuning import (
    Tuning,
    decoders_only,
    encoder_and_decoders,
    norms_and_decoders,
)
from vtagml.transfer.zero_shot import ZeroShot

__all__ = [
    "KnownTasks",
    "MeasuredRow",
    "NewRow",
    "NewTask",
    "SourceWeights",
    "Tuning",
    "UniformRow",
    "ZeroShot",
    "decoders_only",
    "encoder_and_decoders",
    "norms_and_decoders",
]
