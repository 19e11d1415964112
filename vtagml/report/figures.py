"""Pictures of a comparison: curves of validation, and results with their spread."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from vtagml.drawing.canvas import (
    FAINT,
    INK,
    LARGE,
    MEDIUM,
    PALETTE,
    SMALL,
    as_written,
    line_style,
    new_figure,
    place_panels,
    tidy,
)
from vtagml.report.comparison import PRIOR, REPORTED, Comparison, Row
from vtagml.report.methods import Method
from vtagml.report.statistics import Spread

# Inches.
CURVE, CURVE_GAPS, CURVE_LEFT = (2.9, 2.1), (0.75, 0.7), 0.75
DOT_WIDTH, DOT_LINE, DOT_GAP, LETTER = 2.1, 0.27, 0.3, 0.075
TITLE, AXIS, LEGEND_LINE, MARGIN = 0.6, 0.5, 0.2, 0.2
LEGEND_COLUMNS, LONGEST = 2, 44
MARKERS = "osD^v<>"


def validation_curves(comparison: Comparison) -> Figure | None:
    """Draws a panel per task: the mean over seeds, shaded by one standard deviation.

    Returns:
        None when no run kept a validation metric.
    """
    found = {
        key: [(method, _mean_curve(method, key[0])) for method in comparison.methods]
        for key in comparison.columns
    }
    keys = [key for key, curves in found.items() if any(curve for _, curve in curves)]
    if not keys:
        return None
    lines = -(-len(comparison.methods) // LEGEND_COLUMNS)
    legend = AXIS + LEGEND_LINE * lines + MARGIN
    rows, columns = -(-len(keys) // 2), min(len(keys), 2)
    figure = new_figure(
        CURVE_LEFT + max(columns, 2) * CURVE[0] + CURVE_GAPS[0] + MARGIN,
        legend + rows * CURVE[1] + (rows - 1) * CURVE_GAPS[1] + TITLE,
    )
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat[len(keys) :]:
        axes.set_axis_off()
    for axes, key in zip(panels.flat, keys, strict=False):
        for index, (_, curve) in enumerate(found[key]):
            _draw_curve(axes, curve, index, comparison.columns[key].unit.factor)
        tidy(axes)
        axes.set_title(as_written(comparison.heading(key)), size=MEDIUM, color=INK)
        axes.set_xlabel("step", size=SMALL)
        axes.set_xlim(left=0)
    place_panels(figure, CURVE, CURVE_GAPS, CURVE_LEFT, legend)
    _title(figure, "Validation, mean ± standard deviation over seeds")
    _legend(figure, [method.name for method in comparison.methods])
    return figure


def _mean_curve(method: Method, task: str) -> dict[int, Spread]:
    """Mean and spread at the steps that all runs of a method with a curve have in common."""
    curves = [run.validation(task) for run in method.runs if task in run.tasks]
    curves = [curve for curve in curves if curve]
    steps = set.intersection(*(set(curve) for curve in curves)) if curves else set()
    return {step: Spread.of([curve[step] for curve in curves]) for step in sorted(steps)}


def _draw_curve(axes: Axes, curve: dict[int, Spread], index: int, factor: float) -> None:
    steps = list(curve)
    means = [factor * each.mean for each in curve.values()]
    spread = [factor * (each.deviation or 0.0) for each in curve.values()]
    style = line_style(index)
    marker = MARKERS[index % len(MARKERS)]
    axes.plot(steps, means, lw=1.6, marker=marker, ms=4, **style)
    if len(steps) > 1:
        low = [mean - each for mean, each in zip(means, spread, strict=True)]
        high = [mean + each for mean, each in zip(means, spread, strict=True)]
        axes.fill_between(steps, low, high, color=style["color"], alpha=0.15, lw=0)
    elif steps:
        axes.errorbar(steps, means, spread, color=style["color"], capsize=3)


def result_dots(comparison: Comparison) -> Figure:
    """Draws a panel per task and for Δm: a line per row, the mean with its error bar, every seed.

    Filled is what was measured, hollow what a paper reports.
    """
    # The prior is so far off that it would hide the differences of all others.
    rows = [row for row in comparison.rows if row.name != PRIOR]
    panels = [(comparison.heading(key), key) for key in comparison.columns]
    names = [_short(f"{row.name} ({REPORTED})" if row.source else row.name) for row in rows]
    left = max(map(len, names)) * LETTER + MARGIN
    count = len(panels) + comparison.has_delta
    height = len(rows) * DOT_LINE + DOT_LINE
    figure = new_figure(
        left + count * DOT_WIDTH + (count - 1) * DOT_GAP + MARGIN, TITLE + height + AXIS
    )
    axes_of = figure.subplots(1, count, squeeze=False)[0]
    for axes, (title, key) in zip(axes_of, panels, strict=False):
        factor = comparison.columns[key].unit.factor
        _draw_dots(axes, rows, [row.values.get(key) for row in rows], factor)
        for place, row in enumerate(rows):
            _draw_seeds(axes, row, key[0], place, factor)
        axes.set_title(as_written(title), size=SMALL, color=INK)
    if comparison.has_delta:
        _draw_dots(axes_of[-1], rows, [row.delta for row in rows], 1.0)
        axes_of[-1].axvline(0.0, color=FAINT, lw=0.8, zorder=0)
        axes_of[-1].set_title("Δm % ↑", size=SMALL, color=INK)
    for axes in axes_of[1:]:
        axes.set_yticklabels([])
    axes_of[0].set_yticklabels(names, size=SMALL, color=INK)
    place_panels(figure, (DOT_WIDTH, height), (DOT_GAP, 0.0), left, AXIS)
    _title(figure, "Results: mean ± standard deviation; strokes are seeds")
    return figure


def _draw_dots(
    axes: Axes, rows: Sequence[Row], values: Sequence[Spread | None], factor: float
) -> None:
    for place, (row, value) in enumerate(zip(rows, values, strict=True)):
        if value is None or math.isnan(value.mean):
            continue
        colour = PALETTE[0] if row.method else PALETTE[1]
        axes.errorbar(
            factor * value.mean,
            place,
            xerr=factor * (value.deviation or 0.0) or None,
            marker="o" if row.method else "D",
            ms=6,
            color=colour,
            mfc=colour if row.method else "white",
            capsize=3,
            lw=1.4,
        )
    tidy(axes)
    axes.grid(axis="x", color="#ececec", linewidth=0.8)
    axes.set_yticks(range(len(rows)))
    axes.set_ylim(len(rows) - 0.5, -0.5)  # the first row above
    axes.margins(x=0.12)
    axes.locator_params(axis="x", nbins=4)


def _draw_seeds(axes: Axes, row: Row, task: str, place: int, factor: float) -> None:
    if row.method and row.seeds > 1 and task in row.method.tasks:
        values = [factor * run.value(task) for run in row.method.runs]
        axes.plot(values, [place + 0.28] * len(values), "|", color=INK, ms=5, mew=0.9)


def _short(name: str) -> str:
    return as_written(name if len(name) <= LONGEST else name[: LONGEST - 1] + "…")


def _title(figure: Figure, title: str) -> None:
    top = 1 - 0.1 / figure.get_figheight()
    figure.suptitle(title, size=LARGE, weight="bold", y=top)


def _legend(figure: Figure, names: Sequence[str]) -> None:
    handles = [
        Line2D([], [], marker=MARKERS[index % len(MARKERS)], ms=4, lw=1.6, **line_style(index))
        for index in range(len(names))
    ]
    style: dict[str, Any] = {"loc": "lower center", "frameon": False, "fontsize": SMALL}
    figure.legend(handles, [_short(name) for name in names], ncols=LEGEND_COLUMNS, **style)
