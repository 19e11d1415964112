"""What several methods predict for the same images, and how wrong each is."""

from collections.abc import Mapping
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vtagml.drawing.errors import error_pictures
from vtagml.drawing.grid import Group, grid, image_group, shown_image, shown_labels
from vtagml.drawing.prediction_grid import columns, task_group
from vtagml.losses.shapes import Pictures
from vtagml.tasks.task import Task


def method_grid(
    batch: Mapping[str, Any],
    predictions: Mapping[str, Mapping[str, Tensor]],
    task: Task,
    rows: int = 3,
) -> Figure:
    """Draws what several methods predict of one task on the same images, and how wrong they are.

    A row per sample: the image, the truth and a column per method, then the errors of each method;
    without labels neither truth nor errors. All methods share one range of colours, and so do
    their errors.

    Args:
        batch: `image` and the task's labels, as for `prediction_grid`.
        predictions: By the method's name, then as for `prediction_grid`.
        task: Which of the tasks.
        rows: How many samples of the batch to draw, at most.
    """
    if not predictions:
        raise ValueError(
            "`predictions` must hold those of at least one method, found none: load a run first."
        )
    image = shown_image(batch["image"], rows)
    target = shown_labels(batch.get(task.name), image)
    own = {method: tasks[task.name] for method, tasks in predictions.items()}
    group = task_group(task, target, own, image)
    if target is None:
        group = group._replace(columns=group.columns[1:])
    groups = [image_group(image), group, *_errors(task, target, own, image)]
    return grid(groups, image.shape[-1] / image.shape[-2])


def _errors(
    task: Task, target: Tensor | None, predictions: Mapping[str, Tensor], image: Pictures
) -> list[Group]:
    """Returns the errors of each method on one scale; none without labels or pixels."""
    if target is None:
        return []
    rows = len(image)
    together = torch.cat([values[:rows].detach().cpu() for values in predictions.values()])
    labels = target.repeat(len(predictions), *[1] * (target.ndim - 1))
    drawn = error_pictures(task, together, labels)
    if drawn is None:
        return []
    pictures, key = drawn
    return [Group("error", columns(predictions, pictures.split(rows), image), key)]
