"""One map of a task, or its errors, as a picture of its own with the key to its colours."""

from jaxtyping import Shaped
from matplotlib.figure import Figure
from torch import Tensor

from vtagml.drawing.errors import error_pictures
from vtagml.drawing.grid import Column, Group, grid
from vtagml.losses.shapes import Pictures
from vtagml.tasks.key import Key
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
    return _alone(title or task.name, pictures, task.key(batch, pictures))


def error_map(
    task: Task,
    prediction: Shaped[Tensor, "..."],
    target: Shaped[Tensor, "..."],
    title: str = "",
) -> Figure:
    """Draws how wrong one prediction is: wrong classes, an angle, or a difference in units.

    Args:
        task: Says how wrong each pixel is; its `error_unit` stands at the bar.
        prediction: Of one sample, without the axis of the batch.
        target: Its label; where that is unknown, the picture is grey.
        title: Stands above the picture; by default it says what is drawn.

    Raises:
        ValueError: The task has no pixels, or the shapes differ.
    """
    drawn = error_pictures(task, prediction.detach().cpu()[None], target.detach().cpu()[None])
    if drawn is None:
        raise ValueError(
            f"`prediction` and `target` of {task.name} must be maps of one size, found "
            f"{tuple(prediction.shape)} and {tuple(target.shape)}: bring them to one size first."
        )
    return _alone(title or f"error of {task.name}", *drawn)


def _alone(title: str, pictures: Pictures, key: Key) -> Figure:
    height, width = pictures.shape[-2:]
    return grid([Group(title, [Column("", pictures, [False])], key)], width / height, AREA)
