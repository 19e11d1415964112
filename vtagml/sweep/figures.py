"""Pictures of a sweep: its course, what each parameter does, and a grid of two as a map."""

import math
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from vtagml.drawing.canvas import (
    FAINT,
    INK,
    LARGE,
    MEDIUM,
    PALETTE,
    SMALL,
    UNKNOWN,
    new_figure,
    place_panels,
    readable_ink,
    tidy,
)
from vtagml.sweep.definition import Sweep
from vtagml.sweep.parameters import Parameter
from vtagml.sweep.table import Trial, best_of, short_keys, shown

DONE, BEST, GIVEN_UP = PALETTE[0], PALETTE[1], FAINT

# Inches.
COURSE, COURSE_GAPS, LEFT = (3.2, 2.3), (0.8, 0.0), 0.85
WIDTH, VALUE_LINE, RANGE_HEIGHT, GAP = 4.2, 0.3, 2.0, 0.55
CELL, LETTER, MARGIN, TITLE, AXIS, LEGEND = (0.85, 0.45), 0.075, 0.25, 0.65, 0.55, 0.3


def sweep_figures(trials: Sequence[Trial], sweep: Sweep) -> Mapping[str, Figure]:
    """Returns the pictures of a sweep by name; none where no trial has a value."""
    known = [trial for trial in trials if trial.metric is not None]
    if not known:
        return {}
    figures = {"course": _course(known, sweep), "parameters": _parameters(known, sweep)}
    if len(sweep.searched) == 2 and all(each.listed for each in sweep.searched):
        figures["map"] = _map(known, sweep)
    return figures


def _course(trials: Sequence[Trial], sweep: Sweep) -> Figure:
    """Draws the metric by trial with the best so far, and by optimiser step."""
    figure = new_figure(
        LEFT + 2 * COURSE[0] + COURSE_GAPS[0] + MARGIN, COURSE[1] + TITLE + AXIS + LEGEND
    )
    by_trial, by_step = figure.subplots(1, 2, squeeze=False)[0]
    best = best_of(trials)
    for place, trial in enumerate(sorted(trials, key=lambda each: each.name)):
        _point(by_trial, trial, (float(place), _value(trial)), trial is best)
    _best_so_far(by_trial, trials, sweep)
    by_trial.set_xlabel("trial, in the order of their start", size=SMALL)
    by_trial.set_ylabel(_heading(sweep), size=MEDIUM)
    by_trial.locator_params(axis="x", integer=True)
    for trial in reversed(trials):  # the best above all others
        colour = BEST if trial is best else DONE if trial.state == "done" else GIVEN_UP
        by_step.plot(
            list(trial.curve),
            list(trial.curve.values()),
            color=colour,
            lw=2.2 if trial is best else 1.1,
            ls="solid" if trial.state == "done" else "dashed",
            marker="o",
            ms=3,
        )
    by_step.set_xlabel("optimiser step", size=SMALL)
    for axes in (by_trial, by_step):
        tidy(axes)
    place_panels(figure, COURSE, COURSE_GAPS, LEFT, AXIS + LEGEND)
    _title(figure, "Course of the sweep")
    _legend(figure, trials)
    return figure


def _best_so_far(axes: Axes, trials: Sequence[Trial], sweep: Sweep) -> None:
    line, so_far = [], math.nan
    for trial in sorted(trials, key=lambda each: each.name):
        value = _value(trial)
        better = math.isnan(so_far) or sweep.best_first(value) < sweep.best_first(so_far)
        so_far = value if better and trial.state == "done" else so_far
        line.append(so_far)
    axes.step(range(len(line)), line, where="post", color=BEST, lw=1.2, zorder=0)


def _parameters(trials: Sequence[Trial], sweep: Sweep) -> Figure:
    """Draws a panel per parameter, with the metric across: a line per value, or the range."""
    heights = [
        VALUE_LINE * (len(each.values) + 0.5) if each.listed else RANGE_HEIGHT
        for each in sweep.searched
    ]
    labels = [shown(each, value) for each in sweep.searched for value in each.values]
    left = max(LEFT, LETTER * max(map(len, labels), default=0) + MARGIN)
    height = TITLE + sum(heights) + GAP * (len(heights) - 1) + AXIS + LEGEND + MARGIN
    figure = new_figure(left + WIDTH + MARGIN, height)
    width, top = figure.get_figwidth(), height - TITLE - 0.2
    names = short_keys(sweep)
    shared: Axes | None = None
    for parameter, tall in zip(sweep.searched, heights, strict=True):
        top -= tall
        place = (left / width, top / height, WIDTH / width, tall / height)
        axes = figure.add_axes(place, sharex=shared)
        shared = shared or axes
        _panel(axes, trials, parameter)
        axes.set_title(names[parameter.key], size=MEDIUM, color=INK, loc="left")
        top -= GAP
    axes.set_xlabel(_heading(sweep), size=MEDIUM)
    _title(figure, "What each parameter does")
    _legend(figure, trials)
    return figure


def _panel(axes: Axes, trials: Sequence[Trial], parameter: Parameter) -> None:
    best = best_of(trials)
    for trial in reversed(trials):
        value = trial.values[parameter.key]
        height = float(parameter.values.index(value) if parameter.listed else value)
        _point(axes, trial, (_value(trial), height), trial is best)
    tidy(axes)
    axes.grid(axis="x", color="#ececec", linewidth=0.8)
    if parameter.listed:
        axes.set_yticks(range(len(parameter.values)))
        axes.set_yticklabels([shown(parameter, value) for value in parameter.values])
        axes.set_ylim(len(parameter.values) - 0.25, -0.75)
    elif parameter.logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.06)


def _map(trials: Sequence[Trial], sweep: Sweep) -> Figure:
    """Draws the metric of every pair of values; nothing for those given up and failed."""
    down, across = sweep.searched
    values = np.full((len(down.values), len(across.values)), np.nan)
    for trial in trials:
        if trial.state == "done":
            row = down.values.index(trial.values[down.key])
            values[row, across.values.index(trial.values[across.key])] = _value(trial)
    names = short_keys(sweep)
    longest = max(len(shown(down, value)) for value in down.values)
    left = max(LEFT, LETTER * longest + 2 * MARGIN)
    panel = (CELL[0] * len(across.values), CELL[1] * len(down.values))
    figure = new_figure(max(left + panel[0] + MARGIN, 4.0), panel[1] + TITLE + AXIS)
    axes = figure.subplots()
    low, high = np.nanmin(values), np.nanmax(values)
    name = "cividis_r" if sweep.goal == "minimize" else "cividis"
    shades = matplotlib.colormaps[name].with_extremes(bad=UNKNOWN)
    axes.imshow(np.ma.masked_invalid(values), cmap=shades, aspect="auto", vmin=low, vmax=high)
    for (row, column), value in np.ndenumerate(values):
        known = not math.isnan(value)
        colour = shades((value - low) / (high - low or 1.0)) if known else (0.85, 0.85, 0.85)
        ink = readable_ink(*colour[:3])
        said = f"{value:.4g}" if known else "–"
        axes.text(column, row, said, ha="center", va="center", size=SMALL, color=ink)
    for axis, parameter in ((axes.yaxis, down), (axes.xaxis, across)):
        axis.set_ticks(
            range(len(parameter.values)), [shown(parameter, value) for value in parameter.values]
        )
        axis.set_label_text(names[parameter.key], size=MEDIUM)
    axes.tick_params(labelsize=SMALL, length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)
    place_panels(figure, panel, (0.0, 0.0), left, AXIS)
    _title(figure, f"{_heading(sweep)}, brighter is better")
    return figure


def _point(axes: Axes, trial: Trial, place: tuple[float, float], best: bool) -> None:
    done = trial.state == "done"
    colour = BEST if best else DONE if done else GIVEN_UP
    face = colour if done else "white"
    marker = "D" if best else "o"
    axes.plot(*place, marker, color=colour, mfc=face, ms=7 if best else 5, clip_on=False)


def _legend(figure: Figure, trials: Sequence[Trial]) -> None:
    kinds = [("D", BEST, BEST, "best"), ("o", DONE, DONE, "done")]
    if any(trial.state != "done" for trial in trials):
        kinds.append(("o", GIVEN_UP, "white", "given up"))
    handles = [
        Line2D([], [], marker=marker, color=colour, mfc=face, ls="none", label=name)
        for marker, colour, face, name in kinds
    ]
    figure.legend(handles=handles, loc="lower center", ncols=3, frameon=False, fontsize=SMALL)


def _title(figure: Figure, title: str) -> None:
    figure.suptitle(title, size=LARGE, weight="bold", y=1 - 0.1 / figure.get_figheight())


def _heading(sweep: Sweep) -> str:
    return f"{sweep.metric} {'↓' if sweep.goal == 'minimize' else '↑'}"


def _value(trial: Trial) -> float:
    return math.nan if trial.metric is None else trial.metric
