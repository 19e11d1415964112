"""What the colours of a picture mean: classes by name, a bar of values, or a ball of directions."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

from vtagml.drawing.colour_bar import ColourBar, colour_bar, ticks_of
from vtagml.drawing.direction_key import direction_key
from vtagml.drawing.errors import RIGHT, WRONG, Errors, are_directions, error_ramp
from vtagml.tasks.task import Task

Legend = list[tuple[str, tuple[float, float, float]]]
LEGEND_ENTRIES = 24


class Key(NamedTuple):
    """At most one of three: the key to the colours of one kind of picture.

    Attributes:
        legend: Classes and their colours.
        bar: The colours from the lowest value to the highest.
        ball: A ball in the colours of its normals.
    """

    legend: Legend
    bar: ColourBar | None = None
    ball: Float[Tensor, "3 side side"] | None = None


NO_KEY = Key([])


def key_of(
    task: Task, values: Shaped[Tensor, "batch ..."], pictures: Float[Tensor, "batch 3 _h _w"]
) -> Key:
    """Returns the key to the pictures that a task made of some predictions or labels."""
    if legend := task.legend():
        return Key(shown_classes(legend, pictures))
    if not (values.is_floating_point() and values.ndim == 4):
        return NO_KEY
    if are_directions(values):
        return Key([], ball=direction_key(task))
    return Key([], colour_bar(task, values)) if values.shape[1] == 1 else NO_KEY


def error_key(found: Errors) -> Key:
    """Returns the key to `error_pictures`."""
    if found.unit is None:
        return Key([("right", RIGHT), ("wrong", WRONG)])
    return Key([], _error_bar(found.highest, found.unit))


def _error_bar(highest: float, unit: str) -> ColourBar | None:
    """The scale of errors; None where nothing is wrong or known."""
    if not highest > 0:
        return None
    ramp = torch.linspace(0.0, highest, len(error_ramp()), dtype=torch.float64)
    labels = ticks_of(ramp, unit)
    return ColourBar(error_ramp()[None], [*labels[:-1], f"≥ {labels[-1]}"])


def shown_classes(legend: Legend, pictures: Float[Tensor, "pictures 3 _height _width"]) -> Legend:
    """The classes whose colours occur in the pictures: no one reads a legend of forty."""
    # One number per colour, because unique rows take long on large maps.
    found = set(_code(pictures.permute(0, 2, 3, 1)).unique().tolist())
    shown = [(name, colour) for name, colour in legend if int(_code(torch.tensor(colour))) in found]
    return shown[:LEGEND_ENTRIES]


def _code(colours: Float[Tensor, "*size 3"]) -> Int64[Tensor, "*size"]:
    red, green, blue = (colours * 255).round().long().unbind(-1)
    return (red * 256 + green) * 256 + blue
