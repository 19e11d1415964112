"""From one dataset to another, and from known tasks to a new one (the settings of Sec. 4).

`SourceWeights` starts a fit from the network of another run. `NewTask` starts one that adds a task
which was never trained, with a `MeasuredRow` of ω or, to compare, a `UniformRow`. They are
callbacks, so they go with every encoder and objective; zero-shot transfer is `SourceWeights` and
the objective `vtagml.objectives.HeldOut`.
"""

from vtagml.transfer.new_row import MeasuredRow, NewRow, UniformRow
from vtagml.transfer.new_task import NewTask
from vtagml.transfer.source_weights import SourceWeights

__all__ = ["MeasuredRow", "NewRow", "NewTask", "SourceWeights", "UniformRow"]
