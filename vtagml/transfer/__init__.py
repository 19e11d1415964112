"""From one dataset to another, and from known tasks to a new one (the settings of Sec. 4).

`SourceWeights` starts a fit from the network of another run, `TuneOnly` freezes what shall stay the
source's (all but `decoders_only` or `norms_and_decoders`). `NewTask` starts one that adds a task
which was never trained, with a `MeasuredRow` of ω or, to compare, a `UniformRow`. They are
callbacks, so they go with every encoder and objective; zero-shot transfer is `SourceWeights` and
the objective `vtagml.objectives.HeldOut`.
"""

from vtagml.transfer.new_row import MeasuredRow, NewRow, UniformRow
from vtagml.transfer.new_task import NewTask
from vtagml.transfer.source_weights import SourceWeights
from vtagml.transfer.tune_only import TuneOnly, decoders_only, norms_and_decoders

__all__ = [
    "MeasuredRow",
    "NewRow",
    "NewTask",
    "SourceWeights",
    "TuneOnly",
    "UniformRow",
    "decoders_only",
    "norms_and_decoders",
]
