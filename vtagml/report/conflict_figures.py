"""Pictures of gradient conflicts: distributions by pair of tasks, and their course in training."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from vtagml.drawing.canvas import (
    INK,
    MEDIUM,
    SMALL,
    legend_below,
    line_style,
    new_figure,
    tidy,
)
from vtagml.drawing.cosine_histograms import pair_panels, zoomed
from vtagml.report.conflicts import PLACES, Conflicts

WIDTH, HEIGHT, LINE, REST = 4.2, 2.9, 0.22, 0.9  # Inches: of a panel, of a line of the legend.
PARTS = 8  # Of a training.


def distributions(found: Mapping[str, Conflicts], place: str) -> Figure | None:
    """Draws a panel per pair of tasks with a line per method: how its cosines are spread.

    Returns:
        None where no method has counted there, or the methods are of several tasks.
    """
    drawn = {name: own for name, own in found.items() if place in own.counts}
    if len({own.tasks for own in drawn.values()}) != 1:
        return None
    tasks = next(iter(drawn.values())).tasks
    title = f"Cosine of two tasks' gradients of the {PLACES[place]}\nshare of what was measured"
    figure, panels = pair_panels(tasks, title, list(drawn))
    counts = np.stack([own.counts[place] for own in drawn.values()], axis=1)  # [pair, method, bin]
    flat, limit = zoomed(counts.reshape(-1, counts.shape[-1]))
    bars = flat.reshape(*counts.shape[:2], -1)
    edges = np.linspace(-limit, limit, bars.shape[-1] + 1)
    for axes, own in zip(panels, bars, strict=True):
        for index, line in enumerate(own):
            shares = 100 * line / max(line.sum(), 1)
            axes.stairs(shares, edges, lw=1.4, baseline=None, **line_style(index))
        axes.axvline(0.0, color=INK, lw=0.8)
        axes.set_xlim(-limit, limit)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    legend_below(figure, {name: line_style(index) for index, name in enumerate(drawn)}, 1)
    return figure


def course(found: Mapping[str, Conflicts]) -> Figure | None:
    """Draws the share of negative cosines of all pairs over training, a line per method.

    Returns:
        None where no method kept its history.
    """
    curves = {
        place: {name: own.course(place, PARTS) for name, own in found.items()} for place in PLACES
    }
    there = [place for place, own in curves.items() if any(own.values())]
    if not there:
        return None
    figure = new_figure(
        WIDTH * max(2, len(there)),
        HEIGHT + LINE * len(found) + REST,
        "Share of gradient conflicts over training, all pairs of tasks",
        arranged=True,
    )
    for axes, place in zip(figure.subplots(1, len(there), squeeze=False)[0], there, strict=True):
        for index, points in enumerate(curves[place].values()):
            steps = [step for step, _ in points]
            axes.plot(
                steps,
                [100 * share for _, share in points],
                marker="o",
                ms=3.5,
                lw=1.4,
                clip_on=False,  # a share may be 0, on the axis
                **line_style(index),
            )
        tidy(axes)
        axes.set_title(f"Gradients of the {PLACES[place]}", size=MEDIUM, color=INK)
        axes.set_xlabel("step", size=SMALL)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    legend_below(figure, {name: line_style(index) for index, name in enumerate(found)}, 1)
    return figure
