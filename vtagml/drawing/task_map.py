"""One map of a task as a picture of its own with the key to its colours."""

from jaxtyping import Shaped
from matplotlib.figure import Figure
from torch import Tensor

from vtagml.drawing.grid import Column, Group, grid
from vtagml.tasks.task import Task

AREA = 9.0  # Square inches.


def task_map(task: Task, values: Shaped[Tensor, "..."], title: str = "") -> Figure:
    """Draws one prediction or label with its key: classes by name, a bar in units, or a ball.

    Args:
        task: Chooses the colours; its `unit` stands at the bar.
        values: Of one sample, without the axis of the batch, in the units of the labels.
        title: Stands above the picture; by default the task's name.
    """
    batch = values.detach().cpu()[None]
    pictures = task.picture(batch)
    column = Column("", pictures, [False])
    height, width = pictures.shape[-2:]
    group = Group(title or task.name, [column], task.key(batch))
    return grid([group], width / height, AREA)
