"""How often the gradients of two tasks pull against each other."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from vtagml.drawing.canvas import INK, PALETTE, SMALL, as_written, new_figure, tidy

AGREEMENT, CONFLICT = PALETTE[0], PALETTE[1]
WIDTH, HEIGHT, REST, LEAST = 2.7, 1.9, 0.5, 5.4  # Inches; the title needs at least so many.
LINE = 0.22  # Likewise, of a legend.
COLUMNS = 3
BARS_PER_SIDE = 20


def cosine_histograms(
    counts: npt.NDArray[Any], tasks: Sequence[str], of: str = "at the fork"
) -> Figure:
    """Draws the cosines of the gradients of each pair of tasks, conflicts in another colour.

    Args:
        counts: `[task, source, bin]`, how many steps fell into each of an even number of equal
            bins from -1 to 1; only the pairs above the diagonal are drawn.
        tasks: Names, in the order of the first two axes.
        of: Which gradients they are.
    """
    pairs = list(combinations(range(len(tasks)), 2))
    figure, panels = pair_panels(tasks, f"Cosine of two tasks' gradients {of}\nshare of steps")
    drawn = np.stack([counts[pair] for pair in pairs]).astype(float)
    bars, limit = zoomed(drawn)
    for axes, heights in zip(panels, bars, strict=True):
        _draw(axes, heights, limit)
    return figure


def pair_panels(
    tasks: Sequence[str], title: str, names: Sequence[str] = ()
) -> tuple[Figure, list[Axes]]:
    """Returns a figure with a panel for each pair of tasks, and the panels.

    Args:
        tasks: At least two.
        title: Above all.
        names: Of what a legend below will tell apart, so that there is room for it.
    """
    pairs = list(combinations(tasks, 2))
    if not pairs:
        raise ValueError(f"`tasks` must be at least two to have a conflict, found {list(tasks)}.")
    rows, columns = -(-len(pairs) // COLUMNS), min(COLUMNS, len(pairs))
    height = rows * HEIGHT + REST + LINE * len(names)
    figure = new_figure(max(columns * WIDTH, LEAST), height, title, arranged=True)
    panels = figure.subplots(rows, columns, sharex=True, squeeze=False)
    for axes in panels.flat[len(pairs) :]:
        axes.set_axis_off()
    for axes, pair in zip(panels.flat, pairs, strict=False):
        tidy(axes)
        axes.set_title(as_written(" and ".join(pair)), size=SMALL, color=INK)
    return figure, list(panels.flat[: len(pairs)])


def zoomed(counts: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], float]:
    """Returns bars that hold all counts, twenty on each side of zero, and where they end.

    Args:
        counts: `[pair, bin]`, an even number of equal bins from -1 to 1.
    """
    half = counts.shape[1] // 2
    places = np.arange(-half, half)
    occupied = places[counts.any(axis=0)]
    # Whole bins per bar. The last bar may reach beyond one, where nothing is.
    merged = -(-max((*occupied + 1, *-occupied), default=half) // BARS_PER_SIDE)
    edges = merged * np.arange(-BARS_PER_SIDE, BARS_PER_SIDE + 1)
    bars = [np.histogram(places + 0.5, edges, weights=own)[0] for own in counts]
    return np.stack(bars), merged * BARS_PER_SIDE / half


def _draw(axes: Axes, heights: npt.NDArray[np.float64], limit: float) -> None:
    total = heights.sum()
    shares = 100 * heights / total if total else heights
    half = len(heights) // 2
    edges = np.linspace(-limit, limit, len(heights) + 1)
    colours = [CONFLICT] * half + [AGREEMENT] * half
    axes.bar(edges[:-1], shares, width=limit / half, align="edge", color=colours)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.set_xlim(-limit, limit)
    label = f"{shares[:half].sum():.0f}% below 0" if total else "never observed"
    axes.text(0.03, 0.97, label, transform=axes.transAxes, va="top", size=SMALL, color=CONFLICT)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    axes.margins(y=0.25)  # Room for the words.
