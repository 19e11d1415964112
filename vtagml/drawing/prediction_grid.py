"""Images, labels and predictions side by side, in the colours of each task."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from vtagml.drawing.grid import (
    Column,
    Group,
    grid,
    image_group,
    missing_labels,
    shown_image,
    shown_labels,
    shrunk,
)
from vtagml.losses.shapes import Pictures
from vtagml.native_size import nearest
from vtagml.tasks.task import Task


def prediction_grid(
    batch: Mapping[str, Any],
    predictions: Mapping[str, Tensor],
    tasks: Mapping[str, Task],
    rows: int = 4,
) -> Figure:
    """Draws a row per sample: the image, then truth and prediction of every task.

    Truth and prediction of a task share one range of colours. A sample without a label of a task
    shows an empty field in its place.

    Args:
        batch: `image` as bytes or in [0, 1], and the labels under the names of the tasks; labels
            may be absent.
        predictions: What `Task.predict` returned, per task.
        tasks: The tasks, in the order of the columns.
        rows: How many samples of the batch to draw, at most.
    """
    image = shown_image(batch["image"], rows)
    groups = [image_group(image)]
    for name, task in tasks.items():
        if name in predictions:
            target = shown_labels(batch.get(name), image)
            groups.append(task_group(task, target, {"prediction": predictions[name]}, image))
    return grid(groups, image.shape[-1] / image.shape[-2])


def task_group(
    task: Task, target: Tensor | None, predictions: Mapping[str, Tensor], image: Pictures
) -> Group:
    """Returns the truth and predictions of several origins in one range of colours."""
    values = [own[: len(image)].detach().cpu() for own in predictions.values()]
    missing = [True] * len(image)
    if target is not None:
        missing = missing_labels(target)
        values = [target, *(own.to(target.dtype) for own in values)]
    # One picture of all, because a task may choose its colours by what it is given.
    together = torch.cat(values)
    pictures = task.picture(together)
    split = pictures.split(len(image))
    if target is None:
        split = (split[0], *split)  # and the fields that say "no label" hide the truth
    truth, *predicted = columns(["truth", *predictions], split, image)
    return Group(task.name, [truth._replace(missing=missing), *predicted], task.key(together))


def columns(
    captions: Iterable[str],
    pictures: Sequence[Float[Tensor, "batch 3 _height _width"]],
    image: Pictures,
) -> list[Column]:
    """Returns pictures of equally many samples each under its caption."""
    return [
        Column(caption, shrunk(nearest(own, image.shape[-2:])), [False] * len(own))
        for caption, own in zip(captions, pictures, strict=True)
    ]
