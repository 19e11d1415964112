"""One map of a task, or its errors, as a picture of its own with the key to its colours."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from vtagml.drawing.canvas import FAINT, INK, LARGE, MEDIUM, SMALL, new_figure
from vtagml.drawing.colour_bar import ColourBar, colour_bar, ticks_of
from vtagml.drawing.direction_key import direction_key
from vtagml.drawing.errors import (
    RIGHT,
    WRONG,
    are_directions,
    error_pictures,
    error_ramp,
    errors,
)
from vtagml.drawing.prediction_grid import Legend, shown_classes
from vtagml.tasks.task import Task

# Inches.
HEIGHT, KEY, GAP, MARGIN, TITLE, LINE = 3.0, 1.35, 0.15, 0.1, 0.36, 0.2
BAR, LETTER = 0.14, 0.08


def task_map(task: Task, values: Shaped[Tensor, "..."], title: str = "") -> Figure:
    """Draws one prediction or label with its key: classes by name, a bar in units, or a ball.

    Args:
        task: Chooses the colours; its `unit` stands at the bar.
        values: Of one sample, without the axis of the batch, in the units of the labels.
        title: Stands above the picture; by default the task's name.
    """
    batch = values.detach().cpu()[None]
    pictures = task.picture(batch)
    legend = shown_classes(task.legend(), pictures)
    figure, axes = _picture(pictures[0], title or task.name, [name for name, _ in legend])
    if legend:
        _draw_legend(axes, legend)
    elif batch.is_floating_point() and are_directions(batch):
        _draw_ball(axes, task)
    elif batch.is_floating_point() and batch.shape[1] == 1:
        _draw_bar(axes, colour_bar(task, batch))
    return figure


def error_map(
    task: Task,
    prediction: Shaped[Tensor, "..."],
    target: Shaped[Tensor, "..."],
    title: str = "",
) -> Figure:
    """Draws how wrong one prediction is: wrong classes, an angle, or a difference in units.

    Args:
        task: Its `unit` stands at the bar.
        prediction: Of one sample, without the axis of the batch.
        target: Its label; where that is unknown, the picture is grey.
        title: Stands above the picture; by default it says what is drawn.

    Raises:
        ValueError: The task has no pixels, or the shapes differ.
    """
    found = errors(task, prediction.detach().cpu()[None], target.detach().cpu()[None])
    if found is None:
        raise ValueError(
            f"`prediction` and `target` of {task.name} must be maps of one size, found "
            f"{tuple(prediction.shape)} and {tuple(target.shape)}: bring them to one size first."
        )
    figure, axes = _picture(error_pictures(found)[0], title or f"error of {task.name}")
    if found.unit is None:
        _draw_legend(axes, [("right", RIGHT), ("wrong", WRONG)])
    else:
        _draw_bar(axes, error_bar(found.highest, found.unit))
    return figure


def error_bar(highest: float, unit: str) -> ColourBar | None:
    """The scale of error pictures; None where nothing is wrong or known."""
    if not highest > 0:
        return None
    ramp = torch.linspace(0.0, highest, len(error_ramp()), dtype=torch.float64)
    labels = ticks_of(ramp, unit)
    return ColourBar(error_ramp()[None], [*labels[:-1], f"≥ {labels[-1]}"])


def _picture(
    colours: Float[Tensor, "3 height width"], title: str, names: Sequence[str] = ()
) -> tuple[Figure, Axes]:
    height, width = colours.shape[-2:]
    drawn = HEIGHT * width / height
    key = max(KEY, GAP + 0.3 + LETTER * max(map(len, names), default=0))
    figure = new_figure(drawn + key + 2 * MARGIN, HEIGHT + TITLE + MARGIN)
    axes = figure.add_axes((0, 0, 1, 1))  # whose unit is an inch, from the picture's upper left
    axes.imshow(_array(colours), extent=(0, drawn, HEIGHT, 0), interpolation="nearest")
    axes.set(xlim=(-MARGIN, drawn + key + MARGIN), ylim=(HEIGHT + MARGIN, -TITLE), aspect="auto")
    axes.set_axis_off()
    style: dict[str, Any] = {"size": LARGE, "weight": "bold", "color": INK}
    axes.text(drawn / 2, -TITLE / 2, title, ha="center", va="center", **style)
    return figure, axes


def _array(colours: Float[Tensor, "channels height width"]) -> Any:
    return np.clip(colours.permute(1, 2, 0).numpy(), 0.0, 1.0)


def _left(axes: Axes) -> float:
    return axes.images[0].get_extent()[1] + GAP


def _draw_legend(axes: Axes, legend: Legend) -> None:
    line = min(LINE, HEIGHT / len(legend))
    for index, (name, colour) in enumerate(legend):
        x, y = _left(axes), line * (index + 0.5)
        axes.add_patch(
            Rectangle((x, y - 0.06), 0.18, 0.12, facecolor=colour, edgecolor=FAINT, lw=0.5)
        )
        axes.text(x + 0.25, y, name, size=SMALL, color=INK, va="center_baseline")


def _draw_bar(axes: Axes, bar: ColourBar | None) -> None:
    if bar is None:
        return
    x = _left(axes)
    upright = bar.colours.permute(1, 0, 2).flip(0)  # the highest value above
    axes.imshow(_array(upright.permute(2, 0, 1)), extent=(x, x + BAR, HEIGHT, 0))
    for index, label in enumerate(bar.ticks):
        y = HEIGHT * (1 - index / (len(bar.ticks) - 1))
        axes.text(x + BAR + 0.08, np.clip(y, 0.07, HEIGHT - 0.07), label, size=MEDIUM, va="center")


def _draw_ball(axes: Axes, task: Task) -> None:
    x, side = _left(axes), 0.85
    ball = direction_key(task)
    inside = torch.ones(1, *ball.shape[1:])
    places = (torch.arange(ball.shape[-1]) + 0.5) * 2 / ball.shape[-1] - 1
    inside[0, places[:, None] ** 2 + places[None] ** 2 >= 1] = 0.0
    axes.imshow(_array(torch.cat([ball, inside])), extent=(x, x + side, side, 0))
    axes.text(x, side + 0.15, "a ball in\nthese colours", size=SMALL, color=INK, va="top")
