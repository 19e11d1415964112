"""Pictures of several samples in rows, in columns under headings, with the keys below."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.nn import functional

from vtagml.drawing.canvas import FAINT, INK, LARGE, MEDIUM, SMALL, UNKNOWN, as_written, new_figure
from vtagml.losses.shapes import Pictures
from vtagml.losses.unknown import known, known_classes
from vtagml.native_size import nearest
from vtagml.tasks.key import NO_KEY, ColourBar, Key, Legend

# Inches; cells have an area, so that wide images and high ones are equally large.
CELL_AREA, GAP, PAIR_GAP, HEADING, CAPTION, MARGIN = 2.2, 0.05, 0.16, 0.34, 0.26, 0.1
LEGEND_LINE, SWATCH, BAR_WIDTH, SMALLEST_BALL = 0.17, 0.3, 1.6, 0.45
LETTER, SMALL_LETTER = 0.085, 0.075
LARGEST_SIDE = 512  # Pixels of a cell; more would not be seen.
CENTRED: dict[str, Any] = {"ha": "center", "va": "center"}


class Column(NamedTuple):
    """One column of the grid: pictures from top to bottom, and which of them have no label."""

    caption: str
    pictures: Tensor
    missing: list[bool]


class Group(NamedTuple):
    """The columns that stand under one heading, and what their colours mean."""

    heading: str
    columns: list[Column]
    key: Key = NO_KEY


def shown_image(image: Shaped[Tensor, "samples 3 height width"], rows: int) -> Pictures:
    """The first images of a batch; bytes become shares, and what is outside [0, 1] is clipped."""
    image = image[:rows].detach().cpu()
    image = image.float() if image.is_floating_point() else image.float() / 255
    return image.clamp(0.0, 1.0)


def image_group(image: Pictures, heading: str = "", caption: str = "image") -> Group:
    """The images themselves."""
    return Group(heading, [Column(caption, shrunk(image), [False] * len(image))])


def shown_labels(labels: Tensor | Sequence[Tensor] | None, image: Pictures) -> Tensor | None:
    """The labels of as many samples as there are images; those at sizes on disk at the images'."""
    if labels is None:
        return None
    if not isinstance(labels, Tensor):
        size = tuple(image.shape[-2:])
        labels = torch.stack([nearest(label, size) for label in labels[: len(image)]])
    return labels[: len(image)].detach().cpu()


def missing_labels(target: Shaped[Tensor, "batch ..."]) -> list[bool]:
    """Of which samples no pixel has a label."""
    valid = known(target) if target.is_floating_point() else known_classes(target)
    return [not own.any() for own in valid]


def shrunk(pictures: Pictures) -> Float[Tensor, "batch 3 _height _width"]:
    """Pictures whose longest side has at most `LARGEST_SIDE` pixels."""
    height, width = pictures.shape[-2:]
    factor = LARGEST_SIDE / max(height, width)
    if factor >= 1:
        return pictures
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    return functional.interpolate(pictures, size=size, mode="area")


def grid(groups: Sequence[Group], aspect: float, area: float = CELL_AREA) -> Figure:
    """Draws groups of columns from left to right, with their keys under them.

    Args:
        groups: All columns have equally many pictures.
        aspect: Width of a picture by its height.
        area: Square inches of a picture.
    """
    # One pair of axes whose unit is an inch: many small axes would take seconds to lay out.
    cell = (math.sqrt(area * aspect), math.sqrt(area / aspect))
    spans = [len(group.columns) * (cell[0] + GAP) - GAP for group in groups]
    rows = len(groups[0].columns[0].pictures)
    width = 2 * MARGIN + sum(spans) + (len(groups) - 1) * PAIR_GAP
    captions = [column.caption for group in groups for column in group.columns]
    top = HEADING + CAPTION * any(captions)
    size = MEDIUM if LETTER * max(map(len, captions)) < cell[0] else SMALL
    bottom = top + rows * (cell[1] + GAP)
    ball = max(SMALLEST_BALL, cell[0] / 4)
    keys = max(_key_height(own.key, span, ball) for own, span in zip(groups, spans, strict=True))
    height = bottom + MARGIN + keys
    figure = new_figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    left = MARGIN
    for group, span in zip(groups, spans, strict=True):
        style = {"size": LARGE, "weight": "bold", **CENTRED}
        axes.text(left + span / 2, HEADING / 2, as_written(group.heading), **style)
        for index, column in enumerate(group.columns):
            place = left + index * (cell[0] + GAP)
            middle = (place + cell[0] / 2, top - CAPTION / 2)
            axes.text(*middle, as_written(column.caption), size=size, color=INK, **CENTRED)
            _draw_column(axes, column, place, top, cell)
        _draw_key(axes, group.key, left, bottom + 0.1, span, ball)
        left += span + PAIR_GAP
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    axes.set_axis_off()
    return figure


def _key_height(key: Key, span: float, ball: float) -> float:
    lines = math.ceil(len(key.legend) / _legend_columns(key.legend, span))
    return max(lines * LEGEND_LINE, ball if key.ball is not None else 2 * LEGEND_LINE)


def _legend_columns(legend: Legend, span: float) -> int:
    longest = max((len(name) for name, _ in legend), default=0)
    return max(1, int(span / (SWATCH + SMALL_LETTER * longest)))


def _draw_column(
    axes: Axes, column: Column, left: float, above: float, cell: tuple[float, float]
) -> None:
    width, height = cell
    for row, (picture, missing) in enumerate(zip(column.pictures, column.missing, strict=True)):
        top = above + row * (height + GAP)
        if missing:
            axes.add_patch(Rectangle((left, top), width, height, color=UNKNOWN, linewidth=0))
            middle = (left + width / 2, top + height / 2)
            axes.text(*middle, "no label", size=MEDIUM, color=INK, style="italic", **CENTRED)
            continue
        axes.imshow(pixels(picture), extent=(left, left + width, top + height, top))


def pixels(picture: Float[Tensor, "channels height width"]) -> Any:
    """A picture as matplotlib takes it."""
    return np.clip(picture.permute(1, 2, 0).numpy(), 0.0, 1.0)


def _draw_key(axes: Axes, key: Key, left: float, top: float, span: float, ball: float) -> None:
    _draw_legend(axes, key.legend, left, top + 0.02, span)
    if key.bar is not None:
        width = max(span / 2, min(BAR_WIDTH, 0.75 * span))
        _draw_bar(axes, key.bar, left + (span - width) / 2, top, width)
    if key.ball is not None:
        middle = left + span / 2
        extent = (middle - ball / 2, middle + ball / 2, top - 0.05 + ball, top - 0.05)
        axes.imshow(pixels(on_clear(key.ball)), extent=extent)


def on_clear(ball: Float[Tensor, "3 side side"]) -> Float[Tensor, "4 side side"]:
    """A ball with nothing around it."""
    places = (torch.arange(ball.shape[-1]) + 0.5) * 2 / ball.shape[-1] - 1
    inside = places[:, None] ** 2 + places[None] ** 2 < 1
    return torch.cat([ball, inside.to(ball.dtype)[None]])


def _draw_legend(axes: Axes, legend: Legend, left: float, top: float, span: float) -> None:
    columns = _legend_columns(legend, span)
    lines = math.ceil(len(legend) / columns)
    for index, (name, colour) in enumerate(legend):
        column, line = divmod(index, lines)
        x, y = left + column * span / columns, top + line * LEGEND_LINE
        swatch = Rectangle((x, y - 0.05), 0.14, 0.1, facecolor=colour, edgecolor=FAINT, lw=0.5)
        axes.add_patch(swatch)
        axes.text(x + 0.2, y, as_written(name), size=SMALL, color=INK, va="center_baseline")


def _draw_bar(axes: Axes, bar: ColourBar, left: float, top: float, width: float) -> None:
    axes.imshow(bar.colours.numpy().clip(0.0, 1.0), extent=(left, left + width, top + 0.1, top))
    for index, label in enumerate(bar.ticks):
        x = left + width * index / (len(bar.ticks) - 1)
        axes.text(x, top + 0.2, as_written(label), size=SMALL, color=INK, **CENTRED)
