"""Images, labels and predictions side by side, in the colours of each task."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64, Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.nn import functional

from vtagml.drawing.canvas import FAINT, INK, LARGE, MEDIUM, SMALL, UNKNOWN, new_figure
from vtagml.drawing.colour_bar import ColourBar, colour_bar
from vtagml.losses.unknown import known, known_classes
from vtagml.tasks.task import Task

Pictures = Float[Tensor, "batch 3 height width"]
Legend = list[tuple[str, tuple[float, float, float]]]

# Inches.
CELL_AREA, GAP, PAIR_GAP, HEADER, MARGIN, LEGEND_LINE = 2.2, 0.05, 0.16, 0.6, 0.1, 0.17
LARGEST_SIDE = 512  # Pixels of a cell; more would not be seen.
LEGEND_ENTRIES, LEGEND_COLUMNS = 24, 2
CENTRED: dict[str, Any] = {"ha": "center", "va": "center"}


class Column(NamedTuple):
    """One column of the grid: pictures from top to bottom, and which of them have no label."""

    caption: str
    pictures: Tensor
    missing: list[bool]


class Group(NamedTuple):
    """The columns that stand under one heading, with their classes or the bar of their values."""

    heading: str
    columns: list[Column]
    legend: Legend
    bar: ColourBar | None


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
        batch: `image` in [0, 1] and the labels under the names of the tasks; labels may be absent.
        predictions: What `Task.predict` returned, per task.
        tasks: The tasks, in the order of the columns.
        rows: How many samples of the batch to draw, at most.
    """
    image = batch["image"][:rows].detach().float().cpu().clamp(0.0, 1.0)
    column = Column("image", shrunk(image), [False] * len(image))
    groups = [Group("", [column], [], None)]
    for name, task in tasks.items():
        if name in predictions:
            groups.append(task_group(task, batch.get(name), predictions[name], image))
    return _draw(groups, image.shape[-1] / image.shape[-2])


def task_group(task: Task, target: Tensor | None, prediction: Tensor, image: Pictures) -> Group:
    """Returns truth and prediction of a task as pictures of the image's size, and their key."""
    values = prediction[: len(image)].detach().cpu()
    missing = [True] * len(image)
    if target is not None:
        target = target[: len(image)].detach().cpu()
        missing = [not _any_known(label) for label in target]
        # One picture of both, because a task may choose its colours by what it is given.
        values = torch.cat([target, values.to(target.dtype)])
    pictures = task.picture(values)
    *truth, predicted = pictures.split(len(image))
    columns = [
        Column("truth", shrunk(fitted(truth[0] if truth else predicted, image)), missing),
        Column("prediction", shrunk(fitted(predicted, image)), [False] * len(image)),
    ]
    legend = task.legend()
    scalar = not legend and values.is_floating_point() and values.shape[1] == 1
    bar = colour_bar(task, values) if scalar else None
    return Group(task.name, columns, shown_classes(legend, pictures), bar)


def _any_known(label: Shaped[Tensor, "*size"]) -> bool:
    valid = known(label[None]) if label.is_floating_point() else known_classes(label)
    return bool(valid.any())


def fitted(pictures: Tensor, image: Pictures) -> Pictures:
    """Pictures at the size of the image: one colour per image becomes a field of it."""
    if pictures.shape[-2:] == image.shape[-2:]:
        return pictures
    return functional.interpolate(pictures, size=tuple(image.shape[-2:]), mode="nearest-exact")


def shrunk(pictures: Pictures, side: int = LARGEST_SIDE) -> Float[Tensor, "batch 3 _height _width"]:
    """Pictures whose longest side has at most so many pixels."""
    height, width = pictures.shape[-2:]
    factor = side / max(height, width)
    if factor >= 1:
        return pictures
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    return functional.interpolate(pictures, size=size, mode="area")


def shown_classes(legend: Legend, pictures: Float[Tensor, "pictures 3 _height _width"]) -> Legend:
    """The classes whose colours occur in the pictures: no one reads a legend of forty."""
    if not legend:
        return []
    # One number per colour, because unique rows take long on large maps.
    found = set(_code(pictures.permute(0, 2, 3, 1)).unique().tolist())
    shown = [(name, colour) for name, colour in legend if int(_code(torch.tensor(colour))) in found]
    return shown[:LEGEND_ENTRIES]


def _code(colours: Float[Tensor, "*size 3"]) -> Int64[Tensor, "*size"]:
    red, green, blue = (colours * 255).round().long().unbind(-1)
    return (red * 256 + green) * 256 + blue


def _draw(groups: list[Group], aspect: float) -> Figure:
    # One pair of axes whose unit is an inch: many small axes would take seconds to lay out.
    cell_width, cell_height = math.sqrt(CELL_AREA * aspect), math.sqrt(CELL_AREA / aspect)
    rows = len(groups[0].columns[0].pictures)
    columns = sum(len(group.columns) for group in groups)
    gaps = (columns - len(groups)) * GAP + (len(groups) - 1) * PAIR_GAP
    width = 2 * MARGIN + columns * cell_width + gaps
    bottom = HEADER + rows * (cell_height + GAP)
    lines = max(math.ceil(len(group.legend) / LEGEND_COLUMNS) for group in groups)
    height = bottom + MARGIN + max(lines, 2) * LEGEND_LINE
    figure = new_figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    left = MARGIN
    for group in groups:
        span = len(group.columns) * (cell_width + GAP) - GAP
        axes.text(left + span / 2, 0.17, group.heading, size=LARGE, weight="bold", **CENTRED)
        for index, column in enumerate(group.columns):
            _draw_column(axes, column, left + index * (cell_width + GAP), cell_width, cell_height)
        _draw_legend(axes, group.legend, left, bottom + 0.12, span)
        if group.bar is not None:
            _draw_bar(axes, group.bar, left + span / 4, bottom + 0.1, span / 2)
        left += span + PAIR_GAP
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    axes.set_axis_off()
    return figure


def _draw_column(axes: Axes, column: Column, left: float, width: float, height: float) -> None:
    axes.text(left + width / 2, HEADER - 0.13, column.caption, size=MEDIUM, color=INK, **CENTRED)
    for row, (picture, missing) in enumerate(zip(column.pictures, column.missing, strict=True)):
        top = HEADER + row * (height + GAP)
        if missing:
            axes.add_patch(Rectangle((left, top), width, height, color=UNKNOWN, linewidth=0))
            middle = (left + width / 2, top + height / 2)
            axes.text(*middle, "no label", size=MEDIUM, color=INK, style="italic", **CENTRED)
            continue
        extent = (left, left + width, top + height, top)
        axes.imshow(picture.permute(1, 2, 0).numpy().clip(0.0, 1.0), extent=extent)


def _draw_legend(axes: Axes, legend: Legend, left: float, top: float, span: float) -> None:
    lines = math.ceil(len(legend) / LEGEND_COLUMNS)
    for index, (name, colour) in enumerate(legend):
        column, line = divmod(index, lines)
        x, y = left + column * span / LEGEND_COLUMNS, top + line * LEGEND_LINE
        swatch = Rectangle((x, y - 0.05), 0.14, 0.1, facecolor=colour, edgecolor=FAINT, lw=0.5)
        axes.add_patch(swatch)
        axes.text(x + 0.2, y, name, size=SMALL, color=INK, va="center_baseline")


def _draw_bar(axes: Axes, bar: ColourBar, left: float, top: float, width: float) -> None:
    axes.imshow(bar.colours.numpy().clip(0.0, 1.0), extent=(left, left + width, top + 0.1, top))
    for index, label in enumerate(bar.ticks):
        x = left + width * index / (len(bar.ticks) - 1)
        axes.text(x, top + 0.2, label, size=SMALL, color=INK, **CENTRED)
