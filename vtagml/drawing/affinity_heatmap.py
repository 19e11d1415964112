"""Affinities between tasks as annotated heat maps, in the form of the paper's Fig. 4."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from vtagml.drawing.canvas import (
    INK,
    LARGE,
    MEDIUM,
    SMALL,
    UNKNOWN,
    as_written,
    new_figure,
    readable_ink,
)


class Scale(NamedTuple):
    """Colours and fixed range of a matrix, so that pictures of different runs compare."""

    colours: str
    lowest: float
    highest: float


Panel: TypeAlias = tuple[Tensor, str, Scale]
"""A matrix, what stands above it, its colours."""

OMEGA = Scale("Blues", 0.0, 1.0)
SIMILARITY = Scale("RdBu", -1.0, 1.0)

# Inches. With many tasks the cells are small and the letters too.
LARGE_CELL, SMALL_CELL, LARGE_LETTER, SMALL_LETTER = 0.95, 0.55, 0.092, 0.078
TASKS_WITH_LARGE_CELLS = 6
BAR, LINE, MARGIN = 0.85, 0.26, 0.15
SLANT = 30  # Degrees, of column names too long for their cell.


def affinity_heatmap(
    matrix: Float[Tensor, "task source"],
    tasks: Sequence[str],
    title: str,
    scale: Scale = OMEGA,
) -> Figure:
    """Draws one matrix with sources as rows and targets as columns, as Fig. 4.

    Args:
        matrix: Entries `[target, source]`; the picture shows its transpose.
        tasks: Names, in the order of the matrix.
        title: Stands above the picture.
        scale: Colours and range: `OMEGA` or `SIMILARITY`.
    """
    return _grid([[(matrix, title, scale)]], tasks)


def affinity_heatmaps(
    omega: Float[Tensor, "task source"],
    similarity: Float[Tensor, "task source"],
    tasks: Sequence[str],
    title: str,
) -> Figure:
    """Draws S and ω side by side: what was measured, and what was made of it."""
    panels = [
        (similarity, "S, mean cosine of the gradients", SIMILARITY),
        (omega, "ω, affinity (columns sum to 1)", OMEGA),
    ]
    return _grid([panels], tasks, title)


class _Layout(NamedTuple):
    """Sizes in inches that follow from the names of the tasks."""

    cell: float
    letters: float
    side: float
    left: float
    above: float
    slanted: bool

    @classmethod
    def of(cls, tasks: Sequence[str]) -> "_Layout":
        large = len(tasks) <= TASKS_WITH_LARGE_CELLS
        cell = LARGE_CELL if large else SMALL_CELL
        longest = max(map(len, tasks)) * (LARGE_LETTER if large else SMALL_LETTER)
        slanted = longest > cell
        above = longest * math.sin(math.radians(SLANT)) + 0.1 if slanted else LINE
        side = max(cell * len(tasks), 2 * LARGE_CELL)
        letters = MEDIUM if large else SMALL
        return cls(cell, letters, side, longest + LINE + MARGIN, above, slanted)


def affinity_grid(rows: Sequence[Sequence[Panel]], tasks: Sequence[str]) -> Figure:
    """Draws matrices in rows, such as S above ω, of several runs or steps beside each other.

    Args:
        rows: Each matrix with what stands above it and its scale; the rows have equal lengths.
        tasks: Names, in the order of all matrices.
    """
    return _grid(rows, tasks)


def _grid(rows: Sequence[Sequence[Panel]], tasks: Sequence[str], title: str = "") -> Figure:
    layout = _Layout.of(tasks)
    panel = layout.left + layout.side + BAR
    headings = 2 if title else 1
    line = MARGIN + layout.side + layout.above + (headings + 1.3) * LINE + MARGIN
    width, height = panel * len(rows[0]), line * len(rows)
    figure = new_figure(width, height)
    for row, panels in enumerate(rows):
        for column, (matrix, caption, scale) in enumerate(panels):
            _check_square(matrix, tasks)
            left = column * panel + layout.left
            bottom = (len(rows) - 1 - row) * line + MARGIN
            frame = (left / width, bottom / height, layout.side / width, layout.side / height)
            axes = figure.add_axes(frame)
            _draw(axes, matrix, scale, layout.letters)
            _label(axes, tasks, layout)
            bar_left = (left + layout.side + 0.12) / width
            _draw_bar(figure.add_axes((bar_left, frame[1], 0.14 / width, frame[3])), scale)
            place = (
                frame[0] + frame[2] / 2,
                1 - (row * line + MARGIN + (headings - 1) * LINE) / height,
            )
            figure.text(*place, as_written(caption), size=LARGE, ha="center", va="top")
    if title:
        top = 1 - MARGIN / height / 2
        style: dict[str, Any] = {"size": LARGE, "weight": "bold", "ha": "center", "va": "top"}
        figure.text(0.5, top, as_written(title), **style)
    return figure


def _check_square(matrix: Tensor, tasks: Sequence[str]) -> None:
    if tuple(matrix.shape) != (len(tasks), len(tasks)):
        raise ValueError(
            f"`matrix` must have a row and a column for each of the {len(tasks)} tasks "
            f"{list(tasks)}, found shape {tuple(matrix.shape)}."
        )


def _draw(axes: Axes, matrix: Tensor, scale: Scale, letters: float) -> None:
    shown = matrix.detach().double().cpu().numpy().T  # [source, target]: sources become rows.
    norm = Normalize(scale.lowest, scale.highest)
    colours = colormaps[scale.colours]
    axes.set_facecolor(UNKNOWN)
    cells = np.ma.masked_invalid(shown)
    axes.pcolormesh(cells, cmap=colours, norm=norm, edgecolors="white", linewidth=1.5)
    axes.invert_yaxis()
    for (source, target), value in np.ndenumerate(shown):
        below = colours(norm(value))[:3] if np.isfinite(value) else to_rgb(UNKNOWN)
        place = (target + 0.5, source + 0.52)
        ink = readable_ink(*below)
        axes.text(*place, _number(value), ha="center", va="center", size=letters, color=ink)


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "–"
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")  # Plus zero: no "−0.00".


def _label(axes: Axes, tasks: Sequence[str], layout: _Layout) -> None:
    names = [as_written(task) for task in tasks]
    places = [place + 0.5 for place in range(len(tasks))]
    slant: dict[str, Any] = (
        {"rotation": SLANT, "ha": "left", "rotation_mode": "anchor"} if layout.slanted else {}
    )
    axes.set_xticks(places, names, size=layout.letters, color=INK, **slant)
    axes.set_yticks(places, names, size=layout.letters, color=INK)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    above = 1 + (layout.above + 0.04) / layout.side
    beside = -(layout.left - MARGIN - 0.08) / layout.side
    style: dict[str, Any] = {
        "size": layout.letters,
        "style": "italic",
        "color": INK,
        "transform": axes.transAxes,
    }
    axes.text(0.5, above, "target", ha="center", va="bottom", **style)
    axes.text(beside, 0.5, "source", ha="center", va="center", rotation=90, **style)


def _draw_bar(axes: Axes, scale: Scale) -> None:
    values = ScalarMappable(Normalize(scale.lowest, scale.highest), scale.colours)
    bar = axes.figure.colorbar(values, cax=axes, ticks=np.linspace(scale.lowest, scale.highest, 5))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SMALL, length=0)
