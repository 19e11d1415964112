"""Affinities between tasks as annotated heat maps, in the form of the paper's Fig. 4."""

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
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
from vtagml.metrics.unit import Unit


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
LARGE_CELL, SMALL_CELL, LETTER, BESIDE, ABOVE = 0.95, 0.55, 0.092, 1.3, 1.1
TASKS_WITH_LARGE_CELLS = 6
SLANT = 30  # Degrees, of column names too long for their cell.


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
    return affinity_grid([panels], tasks, title)


def affinity_grid(rows: Sequence[Sequence[Panel]], tasks: Sequence[str], title: str = "") -> Figure:
    """Draws matrices in rows, such as S above ω, of several runs or steps beside each other.

    Args:
        rows: Each matrix with what stands above it and its scale; the rows have equal lengths.
        tasks: Names, in the order of all matrices.
        title: Stands above all.
    """
    cell = LARGE_CELL if len(tasks) <= TASKS_WITH_LARGE_CELLS else SMALL_CELL
    side = max(cell * len(tasks), 2 * LARGE_CELL)
    longest = LETTER * max(map(len, tasks))
    slant = SLANT if longest > cell else 0
    above = ABOVE + longest * math.sin(math.radians(slant))
    width, height = side + longest + BESIDE, side + above
    figure = new_figure(width * len(rows[0]), height * len(rows), title, arranged=True)
    grid = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    for axes, (matrix, caption, scale) in zip(grid.flat, chain(*rows), strict=True):
        _check_square(matrix, tasks)
        _draw(axes, matrix, scale, MEDIUM if cell == LARGE_CELL else SMALL)
        _label(axes, tasks, MEDIUM if cell == LARGE_CELL else SMALL, slant)
        axes.set_title(as_written(caption), size=LARGE, pad=12)
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
    mesh = axes.pcolormesh(cells, cmap=colours, norm=norm, edgecolors="white", linewidth=1.5)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    for (source, target), value in np.ndenumerate(shown):
        below = colours(norm(value))[:3] if np.isfinite(value) else to_rgb(UNKNOWN)
        style: dict[str, Any] = {"size": letters, "color": readable_ink(*below)}
        text = Unit("", 2).written(float(value))
        axes.text(target + 0.5, source + 0.52, text, ha="center", va="center", **style)
    bar = axes.figure.colorbar(mesh, ax=axes, ticks=np.linspace(scale.lowest, scale.highest, 5))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SMALL, length=0)


def _label(axes: Axes, tasks: Sequence[str], letters: float, slant: int) -> None:
    names = [as_written(task) for task in tasks]
    places = [place + 0.5 for place in range(len(tasks))]
    style: dict[str, Any] = {"size": letters, "color": INK}
    slanted: dict[str, Any] = (
        {"rotation": slant, "ha": "left", "rotation_mode": "anchor"} if slant else {}
    )
    axes.set_xticks(places, names, **style, **slanted)
    axes.set_yticks(places, names, **style)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("target", style="italic", **style)
    axes.set_ylabel("source", style="italic", **style)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
