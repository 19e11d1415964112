"""The entries of ω and S over training, one column per target task."""

from typing import TypedDict

import numpy as np
from matplotlib.figure import Figure

from vtagml.drawing.canvas import INK, MEDIUM, SMALL, legend_below, line_style, new_figure, tidy

Matrix = list[list[float]]

WIDTH, HEIGHT, REST = 2.6, 2.0, 1.1  # Inches, of a panel and of title and legend.
TARGETS_PER_ROW, LEGEND_COLUMNS = 6, 6


class AffinityRecord(TypedDict):
    """The affinities after one optimiser step; matrices are [target][source]."""

    step: int
    omega: Matrix
    similarity: Matrix
    weights: list[float]
    skipped: int


class AffinityHistory(TypedDict):
    """The affinities of a run, as `affinity.json` keeps them."""

    tasks: list[str]
    history: list[AffinityRecord]


def affinity_history(history: AffinityHistory) -> Figure:
    """Draws ω (above) and S (below) over the steps: a panel per target, a line per source."""
    tasks, records = history["tasks"], history["history"]
    if not records:
        raise ValueError(
            "`history` must hold at least one record, found none: train for at least one step."
        )
    steps = [record["step"] for record in records]
    # JSON has no NaN: an unknown entry is null there, and None becomes NaN here.
    rows = [
        ("affinity ω", np.array([record["omega"] for record in records], float), 0.0),
        ("similarity S", np.array([record["similarity"] for record in records], float), -1.0),
    ]
    wide = min(len(tasks), TARGETS_PER_ROW)
    tall = len(rows) * -(-len(tasks) // TARGETS_PER_ROW)
    figure = new_figure(wide * WIDTH, tall * HEIGHT + REST, "Affinities over training", True)
    panels = figure.subplots(tall, wide, sharex=True, squeeze=False)
    marker = "o" if len(steps) == 1 else ""  # A line through one point is invisible.
    styles = {
        name: {"lw": 1.6, "marker": marker, **line_style(source)}
        for source, name in enumerate(tasks)
    }
    for axes in panels.flat:
        axes.set_axis_off()
    for target, name in enumerate(tasks):
        block, column = divmod(target, TARGETS_PER_ROW)
        for row, (label, values, lowest) in enumerate(rows):
            axes = panels[block * len(rows) + row, column]
            axes.set_axis_on()
            for (source, style), line in zip(styles.items(), values[:, target].T, strict=True):
                axes.plot(steps, line, label=source, **style)
            tidy(axes)
            axes.set_ylim(lowest if (values < 0).any() else -0.03, 1.03)
            axes.set_ylabel(label if column == 0 else "", size=MEDIUM)
        panels[block * len(rows), column].set_title(f"target: {name}", size=MEDIUM, color=INK)
    for axes in panels[-1]:
        axes.set_xlabel("step", size=SMALL)
    legend_below(figure, styles, LEGEND_COLUMNS, "source")
    return figure
