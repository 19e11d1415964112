"""The pictures of a prediction grid one by one, with their keys, for pages to show."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.colors import to_hex
from torch import Tensor

from vtagml.drawing.errors import error_pictures
from vtagml.drawing.grid import shown_image, shown_labels, shrunk
from vtagml.drawing.prediction_grid import task_group
from vtagml.drawing.tiles_file import IMAGE, Tiles
from vtagml.losses.shapes import Pictures
from vtagml.native_size import nearest
from vtagml.tasks.key import ColourBar, Key
from vtagml.tasks.task import Task

SIDE = 256  # Pixels of a tile; more would make files of tens of megabytes.
STOPS = 17  # Colours of a bar; between them a page may interpolate.


def tiles(
    batch: Mapping[str, Any],
    predictions: Mapping[str, Tensor],
    tasks: Mapping[str, Task],
    rows: int = 4,
    step: int | None = None,
) -> Tiles:
    """Makes the pictures of a prediction grid, and of the errors, one by one.

    Args:
        batch: As for `prediction_grid`.
        predictions: What `Task.predict` returned, per task.
        tasks: The tasks, in the order in which they are shown.
        rows: How many samples of the batch, at most.
        step: The optimiser step that the pictures belong to.
    """
    image = shown_image(batch["image"], rows)
    pictures = {IMAGE: _bytes(image)}
    keys: dict[str, Any] = {}
    for name, task in tasks.items():
        if name in predictions:
            target = shown_labels(batch.get(name), image)
            own, keys[name] = _of_task(task, target, predictions[name], image)
            pictures |= {f"{name}/{kind}": drawn for kind, drawn in own.items()}
    return Tiles(pictures, {"step": step, "tasks": keys})


def _of_task(
    task: Task, target: Tensor | None, prediction: Tensor, image: Pictures
) -> tuple[dict[str, npt.NDArray[np.uint8]], dict[str, Any]]:
    group = task_group(task, target, {"prediction": prediction}, image)
    truth, predicted = group.columns
    own = {"prediction": _bytes(predicted.pictures)}
    key = {"missing": truth.missing, **_meaning("", group.key)}
    if group.key.ball is not None:
        own["key"] = _bytes(group.key.ball[None])
    if target is not None:
        own["truth"] = _bytes(truth.pictures)
        drawn = error_pictures(task, prediction[: len(image)].detach().cpu(), target)
        if drawn is not None:
            own["error"] = _bytes(nearest(drawn[0], image.shape[-2:]))
            key |= _meaning("error_", drawn[1])
    return own, key


def _meaning(prefix: str, key: Key) -> dict[str, Any]:
    legend = [[name, to_hex(colour)] for name, colour in key.legend]
    return {f"{prefix}legend": legend, f"{prefix}bar": _stops(key.bar)}


def _bytes(pictures: Tensor) -> npt.NDArray[np.uint8]:
    small = shrunk(pictures.float(), SIDE).clamp(0.0, 1.0)
    return (small * 255).round().byte().permute(0, 2, 3, 1).numpy()


def _stops(bar: ColourBar | None) -> dict[str, list[str]] | None:
    if bar is None:
        return None
    places = torch.linspace(0, bar.colours.shape[1] - 1, STOPS).round().long()
    colours = [to_hex(colour) for colour in bar.colours[0, places].clamp(0.0, 1.0).tolist()]
    return {"colours": colours, "ticks": bar.ticks}
