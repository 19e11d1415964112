"""What several methods predict for the same images, and how wrong each is."""

from collections.abc import Mapping
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vtagml.drawing.errors import error_pictures, errors
from vtagml.drawing.grid import Group, Pictures, fitted, grid, image_group, shown_image
from vtagml.drawing.key import error_key
from vtagml.drawing.prediction_grid import columns, truth_beside
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
    target = batch.get(task.name)
    found = {method: each[task.name] for method, each in predictions.items()}
    group = truth_beside(task, target, found, image)
    if target is None:
        groups = [image_group(image), group._replace(columns=group.columns[1:])]
    else:
        groups = [image_group(image), group, *_errors(task, target, found, image)]
    return grid(groups, image.shape[-1] / image.shape[-2])


def _errors(
    task: Task, target: Tensor, predictions: Mapping[str, Tensor], image: Pictures
) -> list[Group]:
    """Returns the errors of each method on one scale; none for a task without pixels."""
    rows = len(image)
    own = torch.cat([each[:rows].detach().cpu() for each in predictions.values()])
    labels = target[:rows].detach().cpu().repeat(len(predictions), *[1] * (target.ndim - 1))
    found = errors(task, own, labels)
    if found is None:
        return []
    pictures = [fitted(each, image) for each in error_pictures(found).split(rows)]
    return [Group("error", columns(predictions, pictures), error_key(found))]
