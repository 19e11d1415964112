"""How the cosines of two tasks' gradients move over training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vtagml.drawing.canvas import FAINT, SMALL, legend_below, line_style
from vtagml.drawing.cosine_histograms import COLUMNS, pair_panels

REACH = 4  # Measurements on either side that the line averages over.


def conflict_course(
    history: Sequence[Mapping[str, Any]], tasks: Sequence[str], places: Mapping[str, str]
) -> Figure:
    """Draws, per pair of tasks, every cosine as a dot and their running mean as a line.

    Args:
        history: Records of a `step` and, under the name of a place, a cosine per pair of tasks in
            the order of the pairs; None or NaN where a pair was not observed.
        tasks: Names.
        places: Words for each place where gradients are compared.
    """
    there = [place for place in places if any(place in own for own in history)]
    title = "Cosine of two tasks' gradients over training"
    figure, panels = pair_panels(tasks, title, there)
    for index, place in enumerate(there):
        own = [each for each in history if place in each]
        steps = np.array([each["step"] for each in own])
        cosines = np.array([each[place] for each in own], dtype=float)  # None becomes NaN
        style = line_style(index)
        for axes, values in zip(panels, cosines.T, strict=True):
            axes.plot(steps, values, ".", ms=3, alpha=0.35, color=style["color"])
            axes.plot(steps, running_mean(values), lw=1.6, **style)
    for axes in panels:
        axes.axhline(0.0, color=FAINT, lw=0.8, zorder=0)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    for axes in panels[-COLUMNS:]:
        axes.set_xlabel("step", size=SMALL)
    if there:
        styles = {places[place]: line_style(index) for index, place in enumerate(there)}
        legend_below(figure, styles, 2)
    return figure


def running_mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean of what is known around each value, fewer at both ends; NaN where nothing is."""
    known = np.isfinite(values)
    count = _around(known.astype(float))
    total = _around(np.where(known, values, 0.0))
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def _around(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.convolve(values, np.ones(2 * REACH + 1))[REACH : REACH + len(values)]
