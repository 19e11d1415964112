"""From one dataset to another, and from known tasks to a new one (the settings of Sec. 4).

`SourceWeights` starts a fit from the network of another run. `NewTask` starts one that adds a task
which was never trained, with a `MeasuredRow` of ω or, to compare, a `UniformRow` or a `GivenRow`.
They are callbacks, so they go with every encoder and objective; zero-shot transfer is
`SourceWeights` and the objective `vtagml.objectives.HeldOut`.
"""

from vtagml.transfer.new_row import GivenRow, MeasuredRow, NewRow, UniformRow
from vtagml.transfer.new_task import NewTask
from vtagml.transfer.source_weights import SourceWeights

__all__ = ["GivenRow", "MeasuredRow", "NewRow", "NewTask", "SourceWeights", "UniformRow"]
