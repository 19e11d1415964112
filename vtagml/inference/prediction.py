"""What a network finds in one image."""

from collections.abc import Iterator, Mapping

import numpy as np
from PIL import Image
from torch import Tensor

from vtagml.tasks import Task


class Prediction(Mapping[str, np.ndarray]):
    """The predictions of all tasks for one image, at its size, in the units of the labels.

    `prediction["depth"]` is an array `[height, width]`, or `[height, width, channels]` where there
    is more than one: class ids, metres, unit normals (x right, y down, z into the scene), strength
    of edges in [0, 1]. A task of whole images has a single number.

    Args:
        predictions: By task, channels first.
        tasks: What they mean.
    """

    def __init__(self, predictions: Mapping[str, Tensor], tasks: Mapping[str, Task]) -> None:
        self._predictions = dict(predictions)
        self._tasks = dict(tasks)

    def __getitem__(self, task: str) -> np.ndarray:
        array = self._prediction(task).numpy()
        if array.ndim < 3:
            return array
        array = np.moveaxis(array, 0, -1)
        return array[..., 0] if array.shape[2] == 1 else array

    def __iter__(self) -> Iterator[str]:
        return iter(self._predictions)

    def __len__(self) -> int:
        return len(self._predictions)

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Names of the classes, in the order of their ids, of each task that has classes."""
        legends = {name: self._tasks[name].legend() for name in self}
        return {
            name: tuple(label for label, _ in legend) for name, legend in legends.items() if legend
        }

    def picture(self, task: str) -> Image.Image:
        """Draws a task's prediction in the colours of its pictures everywhere."""
        prediction = self._prediction(task)
        colours = self._tasks[task].picture(prediction[None])[0]
        pixels = (colours.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        return Image.fromarray(pixels)

    def _prediction(self, task: str) -> Tensor:
        if task not in self._predictions:
            raise KeyError(f"`task` must be one of {list(self)}, found {task!r}.")
        return self._predictions[task]

    def __repr__(self) -> str:
        shapes = (f"{task} {list(self[task].shape)}" for task in self)
        return f"Prediction({', '.join(shapes)})"
