"""Pictures of a sweep: its course, what each parameter does, and a grid of two as a map.

Note: Optuna's own plots show less: names and long values run into one another, neither the best
trial nor those given up are marked, and they change matplotlib's style for the whole process.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial

from vtagml.drawing.canvas import (
    FAINT,
    MEDIUM,
    PALETTE,
    SMALL,
    UNKNOWN,
    legend_below,
    new_figure,
    plain_logarithm,
    readable_ink,
    tidy,
)
from vtagml.sweep.definition import Sweep
from vtagml.sweep.parameters import Parameter
from vtagml.sweep.table import STATES, best_of, heading, is_done, short_keys, shown

# Inches.
COURSE = (8.3, 3.6)
WIDTH, VALUE_LINE, RANGE_HEIGHT, AROUND = 5.2, 0.3, 2.0, 1.5
CELL, LETTER = (0.85, 0.45), 0.075


def sweep_figures(trials: Sequence[FrozenTrial], sweep: Sweep) -> Mapping[str, Figure]:
    """Returns the pictures of ranked trials by name; none where no trial has a value."""
    trials = [trial for trial in trials if trial.value is not None]
    if not trials:
        return {}
    figures = {"course": _course(trials, sweep), "parameters": _parameters(trials, sweep)}
    is_grid = len(sweep.searched) == 2 and all(parameter.values for parameter in sweep.searched)
    if is_grid and best_of(trials):
        figures["map"] = _map(list(filter(is_done, trials)), sweep)
    return figures


def _course(trials: Sequence[FrozenTrial], sweep: Sweep) -> Figure:
    """Draws the metric by trial with the best so far, and by validation."""
    figure = new_figure(*COURSE, "Course of the sweep", arranged=True)
    by_trial, by_validation = figure.subplots(1, 2)
    best = best_of(trials)
    so_far: list[float] = []
    for place, trial in enumerate(sorted(trials, key=lambda trial: trial.number)):
        by_trial.plot(place, trial.value, **_style(trial, best))
        values = so_far[-1:]
        if is_done(trial) and trial.value is not None:
            values.append(trial.value)
        so_far.append(min(values, key=sweep.best_first, default=math.nan))
    by_trial.step(range(len(so_far)), so_far, where="post", color=PALETTE[1], lw=1.2, zorder=0)
    by_trial.set_ylabel(heading(sweep), size=MEDIUM)
    for trial in reversed(trials):  # the best above all others
        style = _style(trial, best) | {"marker": "o", "ms": 3}
        style |= {"lw": 2.2 if trial is best else 1.1, "ls": "-" if is_done(trial) else "--"}
        curve = trial.intermediate_values
        by_validation.plot(list(curve), list(curve.values()), **style)
    for axes, name in (
        (by_trial, "trial, in the order of their start"),
        (by_validation, "validation"),
    ):
        axes.set_xlabel(name, size=SMALL)
        axes.locator_params(axis="x", integer=True)
        tidy(axes)
    _legend(figure, trials)
    return figure


def _parameters(trials: Sequence[FrozenTrial], sweep: Sweep) -> Figure:
    """Draws a panel per parameter, with the metric across: a line per value, or the range."""
    heights = [
        VALUE_LINE * (len(parameter.values) + 0.5) if parameter.values else RANGE_HEIGHT
        for parameter in sweep.searched
    ]
    labels = [shown(own, value) for own in sweep.searched for value in own.values]
    wide = WIDTH + LETTER * max(map(len, labels), default=0)
    high = sum(heights) + AROUND + 0.4 * len(heights)
    figure = new_figure(wide, high, "What each parameter does", arranged=True)
    panels = figure.subplots(len(heights), 1, squeeze=False, sharex=True, height_ratios=heights)
    names, best = short_keys(sweep), best_of(trials)
    for axes, parameter in zip(panels[:, 0], sweep.searched, strict=True):
        for trial in reversed(trials):
            value = trial.user_attrs["values"][parameter.key]
            height = parameter.values.index(value) if parameter.values else value
            axes.plot(trial.value, height, **_style(trial, best))
        axes.set_title(names[parameter.key], size=MEDIUM, loc="left")
        _scale(axes, parameter)
    axes.set_xlabel(heading(sweep), size=MEDIUM)
    _legend(figure, trials)
    return figure


def _scale(axes: Axes, parameter: Parameter) -> None:
    tidy(axes)
    axes.grid(axis="x", color="#ececec", linewidth=0.8)
    axes.margins(x=0.06)
    if values := parameter.values:
        axes.set_yticks(range(len(values)), [shown(parameter, value) for value in values])
        axes.set_ylim(len(values) - 0.25, -0.75)
    elif getattr(parameter.distribution, "log", False):
        axes.set_yscale("log")
        plain_logarithm(axes.yaxis)


def _map(trials: Sequence[FrozenTrial], sweep: Sweep) -> Figure:
    """Draws the metric of every pair of values; nothing for those given up and failed."""
    down, across = sweep.searched
    values = np.full((len(down.values), len(across.values)), np.nan)
    for trial in trials:
        place = (own.values.index(trial.user_attrs["values"][own.key]) for own in (down, across))
        values[tuple(place)] = trial.value
    longest = LETTER * max(len(shown(down, value)) for value in down.values)
    wide, high = CELL[0] * len(across.values) + longest, CELL[1] * len(down.values)
    title = f"{heading(sweep)}, brighter is better"
    figure = new_figure(max(wide + 1.0, 4.0), high + 1.2, title, arranged=True)
    axes = figure.subplots()
    low, high = np.nanmin(values), np.nanmax(values)
    colours = "cividis_r" if sweep.goal == "minimize" else "cividis"
    shades = matplotlib.colormaps[colours].with_extremes(bad=UNKNOWN)
    axes.imshow(np.ma.masked_invalid(values), cmap=shades, aspect="auto", vmin=low, vmax=high)
    for (row, column), value in np.ndenumerate(values):
        known = not math.isnan(value)
        ink = readable_ink(*shades((value - low) / (high - low or 1.0))[:3]) if known else "black"
        text = f"{value:.4g}" if known else "–"
        axes.text(column, row, text, ha="center", va="center", size=SMALL, color=ink)
    names = short_keys(sweep)
    for axis, parameter in ((axes.yaxis, down), (axes.xaxis, across)):
        words = [shown(parameter, value) for value in parameter.values]
        axis.set_ticks(range(len(words)), words, size=SMALL)
        axis.set_label_text(names[parameter.key], size=MEDIUM)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _style(trial: FrozenTrial, best: FrozenTrial | None) -> dict[str, Any]:
    if trial is best:
        return {"marker": "D", "color": PALETTE[1], "ms": 7, "clip_on": False}
    if is_done(trial):
        return {"marker": "o", "color": PALETTE[0], "ms": 5, "clip_on": False}
    return {"marker": "o", "color": FAINT, "mfc": "white", "ms": 5, "clip_on": False}


def _legend(figure: Figure, trials: Sequence[FrozenTrial]) -> None:
    best = best_of(trials)
    kinds = {"best" if trial is best else STATES[trial.state]: trial for trial in trials}
    styles = {kind: {"ls": "none", **_style(trial, best)} for kind, trial in kinds.items()}
    legend_below(figure, styles, columns=3)
