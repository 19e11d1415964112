"""Images and what is known of them, a row per sample: labels of a dataset, or one's own images."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from lightning import LightningDataModule
from matplotlib.figure import Figure
from torch import Tensor

from vtagml.drawing.grid import grid, image_group, shown_image, shown_labels
from vtagml.drawing.prediction_grid import task_group
from vtagml.tasks.task import Task

# Square inches and inches of a picture: there are few, and each carries its own key.
AREA, WIDEST = 4.0, 2.4


def sample_grid(batch: Mapping[str, Any], tasks: Mapping[str, Task], rows: int = 4) -> Figure:
    """Draws a row per sample: the image and a column per task, with the keys to their colours.

    Args:
        batch: `image` as bytes or in [0, 1], and maps in the units of the labels under the names
            of the tasks; a task without maps has no column.
        tasks: The tasks, in the order of the columns.
        rows: How many samples of the batch to draw, at most.
    """
    image = shown_image(batch["image"], rows)
    groups = [image_group(image, "image", "")]
    for name, task in tasks.items():
        values = shown_labels(batch.get(name), image)
        if values is not None:
            group = task_group(task, values, {}, image)
            groups.append(group._replace(columns=[group.columns[0]._replace(caption="")]))
    aspect = image.shape[-1] / image.shape[-2]
    return grid(groups, aspect, min(AREA, WIDEST**2 / aspect))


def dataset_grid(data: LightningDataModule, tasks: Sequence[Task], rows: int = 1) -> Figure:
    """Draws the first test samples of a dataset: the images and their labels.

    Args:
        data: One of the package's datasets; it is set up here.
        tasks: What to show; they take the names and colours of their classes from the data.
        rows: How many samples; at most a batch.
    """
    for task in tasks:
        task.bind(cast(Any, data).labels)
    data.prepare_data()
    data.setup("test")
    batch = next(iter(data.test_dataloader()))
    return sample_grid(batch, {task.name: task for task in tasks}, rows)


def stacked(samples: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Tensor]:
    """Makes a batch of pictures of one size with the channels last, as the grids take it.

    Args:
        samples: Predictions, or any arrays `[height, width]` or `[height, width, channels]` under
            the names of their tasks, `image` among them.
    """
    return {key: _batch([sample[key] for sample in samples]) for key in samples[0]}


def _batch(arrays: Sequence[np.ndarray]) -> Tensor:
    whole = torch.from_numpy(np.stack(arrays))
    if whole.ndim == 4:
        return whole.movedim(-1, 1)
    return whole[:, None] if whole.is_floating_point() and whole.ndim == 3 else whole
