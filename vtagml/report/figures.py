"""Pictures of a comparison: curves of validation, and results with their spread."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vtagml.drawing.canvas import (
    FAINT,
    INK,
    MEDIUM,
    PALETTE,
    SMALL,
    as_written,
    legend_below,
    line_style,
    new_figure,
    plain_logarithm,
    shortened,
    tidy,
)
from vtagml.report.comparison import PRIOR, REPORTED, Comparison, Key, Row
from vtagml.report.methods import Method
from vtagml.report.statistics import Spread

# Inches: of panels, of a line in them and in a legend, of what stands around them.
CURVE_WIDTH, CURVE_HEIGHT, DOT_WIDTH, LINE, LETTER, REST = 3.7, 2.9, 2.4, 0.3, 0.075, 0.9
LEGEND_COLUMNS = 2
MARKERS = "osD^v<>"
MILLION = 1e6


def validation_curves(comparison: Comparison) -> Figure | None:
    """Draws a panel per task: the mean over seeds, shaded by one standard deviation.

    Returns:
        None when no run kept a validation metric.
    """
    curves_of = {
        key: [_mean_curve(method, key[0]) for method in comparison.methods]
        for key in comparison.columns
    }
    keys = [key for key, curves in curves_of.items() if any(curves)]
    if not keys:
        return None
    rows, columns = -(-len(keys) // 2), min(len(keys), 2)
    figure = new_figure(
        2 * CURVE_WIDTH,  # one panel leaves room for the title
        rows * CURVE_HEIGHT + LINE * -(-len(comparison.methods) // LEGEND_COLUMNS) + REST,
        "Validation, mean ± standard deviation over seeds",
        arranged=True,
    )
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat[len(keys) :]:
        axes.set_axis_off()
    for axes, key in zip(panels.flat, keys, strict=False):
        for index, curve in enumerate(curves_of[key]):
            _draw_curve(axes, curve, index, comparison.columns[key].unit.factor)
        tidy(axes)
        axes.set_title(as_written(comparison.heading(key)), size=MEDIUM, color=INK)
        axes.set_xlabel("step", size=SMALL)
        axes.set_xlim(left=0)
    styles = {method.name: _style(index) for index, method in enumerate(comparison.methods)}
    legend_below(figure, styles, LEGEND_COLUMNS)
    return figure


def _mean_curve(method: Method, task: str) -> dict[int, Spread]:
    """Mean and spread at the steps that all runs of a method with a curve have in common."""
    curves = [run.validation(task) for run in method.runs if task in run.tasks]
    curves = [curve for curve in curves if curve]
    steps = set.intersection(*(set(curve) for curve in curves)) if curves else set()
    return {step: Spread.of([curve[step] for curve in curves]) for step in sorted(steps)}


def _draw_curve(axes: Axes, curve: dict[int, Spread], index: int, factor: float) -> None:
    steps = list(curve)
    means = [factor * spread.mean for spread in curve.values()]
    around = [factor * (spread.deviation or 0.0) for spread in curve.values()]
    style = _style(index)
    axes.plot(steps, means, **style)
    if len(steps) > 1:
        low = [mean - deviation for mean, deviation in zip(means, around, strict=True)]
        high = [mean + deviation for mean, deviation in zip(means, around, strict=True)]
        axes.fill_between(steps, low, high, color=style["color"], alpha=0.15, lw=0)
    elif steps:
        axes.errorbar(steps, means, around, color=style["color"], capsize=3)


def _style(index: int) -> dict[str, Any]:
    return {"lw": 1.6, "ms": 4, "marker": MARKERS[index % len(MARKERS)], **line_style(index)}


def result_dots(comparison: Comparison) -> Figure:
    """Draws a panel per task and for Δm: a line per row, the mean with its error bar, every seed.

    Filled is what was measured, hollow what a paper reports.
    """
    # The prior is so far off that it would hide the differences of all others.
    rows = [row for row in comparison.rows if row.name != PRIOR]
    names = [shortened(f"{row.name} ({REPORTED})" if row.source else row.name) for row in rows]
    count = len(comparison.columns) + comparison.has_delta
    figure = new_figure(
        LETTER * max(map(len, names)) + count * DOT_WIDTH,
        LINE * (len(rows) + 1) + REST,
        "Results: mean ± standard deviation; strokes are seeds",
        arranged=True,
    )
    axes_of = figure.subplots(1, count, squeeze=False)[0]
    for axes, (key, column) in zip(axes_of, comparison.columns.items(), strict=False):
        factor = column.unit.factor
        _draw_dots(axes, rows, [row.values.get(key) for row in rows], factor)
        for place, row in enumerate(rows):
            _draw_seeds(axes, row, key, place, factor)
        axes.set_title(as_written(comparison.heading(key)), size=SMALL, color=INK)
    if comparison.has_delta:
        _draw_dots(axes_of[-1], rows, [row.delta for row in rows], 1.0)
        axes_of[-1].axvline(0.0, color=FAINT, lw=0.8, zorder=0)
        axes_of[-1].set_title("Δm % ↑", size=SMALL, color=INK)
    for axes in axes_of[1:]:
        axes.set_yticklabels([])
    axes_of[0].set_yticklabels(names, size=SMALL, color=INK)
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


def _draw_seeds(axes: Axes, row: Row, key: Key, place: int, factor: float) -> None:
    if len(row.of_seeds) > 1 and key in row.values:
        values = [factor * each[key] for each in row.of_seeds]
        axes.plot(values, [place + 0.28] * len(values), "|", color=INK, ms=5, mew=0.9)


def trade_off(comparison: Comparison) -> Figure | None:
    """Draws Δm against the number of parameters that train, as VMT-Adapter's Fig. 1 does.

    Returns:
        None where fewer than two methods have both.
    """
    found = [
        (row.name, row.trainable / MILLION, row.delta)
        for row in comparison.rows
        if row.trainable and row.delta is not None
    ]
    if len(found) < 2:
        return None
    lines = -(-len(found) // LEGEND_COLUMNS)
    height = CURVE_HEIGHT + LINE * lines + REST
    title = "Δm against the parameters that train"
    figure = new_figure(2 * CURVE_WIDTH, height, title, arranged=True)
    axes = figure.subplots()
    styles = {name: _point(index) for index, (name, *_) in enumerate(found)}
    for name, trainable, delta in found:
        axes.errorbar(trainable, delta.mean, delta.deviation or None, capsize=3, **styles[name])
    tidy(axes)
    _number_logarithms(axes, [trainable for _, trainable, _ in found])
    axes.axhline(0.0, color=FAINT, lw=0.8, zorder=0)
    axes.set_xlabel("trainable M, decoders among them", size=SMALL)
    axes.set_ylabel("Δm % ↑", size=SMALL)
    legend_below(figure, styles, LEGEND_COLUMNS)
    return figure


def _number_logarithms(axes: Axes, values: Sequence[float]) -> None:
    """Makes x logarithmic with plain numbers, some of them in view however close the values are."""
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 2, 2 * max(values))
    plain_logarithm(axes.xaxis)


def _point(index: int) -> dict[str, Any]:
    # Markers and colours are of the same number: a further round pairs them otherwise.
    marker = MARKERS[(index + index // len(PALETTE)) % len(MARKERS)]
    colour = line_style(index)["color"]
    return {"marker": marker, "color": colour, "ms": 7, "ls": "none"}
