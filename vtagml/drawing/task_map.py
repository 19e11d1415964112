"""One map of a task, or its errors, as a picture of its own with the key to its colours."""

from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from vtagml.drawing.canvas import FAINT, INK, LARGE, MEDIUM, SMALL, new_figure
from vtagml.drawing.colour_bar import ColourBar
from vtagml.drawing.errors import error_pictures, errors
from vtagml.drawing.grid import on_clear, pixels
from vtagml.drawing.key import Key, Legend, error_key, key_of
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
    return _picture(pictures[0], title or task.name, key_of(task, batch, pictures))


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
    return _picture(error_pictures(found)[0], title or f"error of {task.name}", error_key(found))


def _picture(colours: Float[Tensor, "3 height width"], title: str, key: Key) -> Figure:
    height, width = colours.shape[-2:]
    drawn = HEIGHT * width / height
    beside = max(KEY, GAP + 0.3 + LETTER * max((len(name) for name, _ in key.legend), default=0))
    figure = new_figure(drawn + beside + 2 * MARGIN, HEIGHT + TITLE + MARGIN)
    axes = figure.add_axes((0, 0, 1, 1))  # whose unit is an inch, from the picture's upper left
    axes.imshow(pixels(colours), extent=(0, drawn, HEIGHT, 0), interpolation="nearest")
    axes.set(xlim=(-MARGIN, drawn + beside + MARGIN), ylim=(HEIGHT + MARGIN, -TITLE), aspect="auto")
    axes.set_axis_off()
    style: dict[str, Any] = {"size": LARGE, "weight": "bold", "color": INK}
    axes.text(drawn / 2, -TITLE / 2, title, ha="center", va="center", **style)
    _draw_legend(axes, key.legend)
    _draw_bar(axes, key.bar)
    _draw_ball(axes, key.ball)
    return figure


def _left(axes: Axes) -> float:
    return axes.images[0].get_extent()[1] + GAP


def _draw_legend(axes: Axes, legend: Legend) -> None:
    line = min(LINE, HEIGHT / max(len(legend), 1))
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
    axes.imshow(pixels(upright.permute(2, 0, 1)), extent=(x, x + BAR, HEIGHT, 0))
    for index, label in enumerate(bar.ticks):
        y = HEIGHT * (1 - index / (len(bar.ticks) - 1))
        axes.text(x + BAR + 0.08, np.clip(y, 0.07, HEIGHT - 0.07), label, size=MEDIUM, va="center")


def _draw_ball(axes: Axes, ball: Float[Tensor, "3 side side"] | None) -> None:
    if ball is None:
        return
    x, side = _left(axes), 0.85
    axes.imshow(pixels(on_clear(ball)), extent=(x, x + side, side, 0))
    axes.text(x, side + 0.15, "a ball in\nthese colours", size=SMALL, color=INK, va="top")
