"""How much of an expert's weights a few directions hold, by clustering."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor

from vtagml.drawing.canvas import DASHES, SMALL, legend_below, line_style, new_figure, tidy

WIDTH, HEIGHT = 8.0, 3.4  # Inches.
Shares = Float[Tensor, "expert k"]


def expert_norms(
    shares: Mapping[str, Sequence[Shares]], block: int = 4, rank: int = 4, title: str = ""
) -> Figure:
    """Draws Ky-Fan 2-k norms of experts: over k in one block, and over all blocks for one k.

    A line is the mean over a block's experts, its band reaches from the least to the greatest.

    Args:
        shares: By what made the experts, `vtagml.experts.ky_fan_shares` of each block.
        block: Which one on the left, counted from one.
        rank: k on the right.
        title: Above both.
    """
    figure = new_figure(WIDTH, HEIGHT, title, arranged=True)
    left, right = figure.subplots(1, 2)
    for index, own in enumerate(shares.values()):
        _band(left, own[block - 1].T.numpy(), index)
        _band(right, np.stack([each[:, rank - 1].numpy() for each in own]), index)
    for axes, subject, across in (
        (left, f"block {block}", "k"),
        (right, f"k = {rank}", "block"),
    ):
        axes.set_title(f"Ky-Fan 2-k norm of {subject}, % of the whole norm", size=SMALL)
        axes.set_xlabel(across, size=SMALL)
    lines = [Line2D([], [], label=name, **_style(index)) for index, name in enumerate(shares)]
    legend_below(figure, lines, len(lines))
    return figure


def _band(axes: Axes, values: npt.NDArray[np.float64], index: int) -> None:
    """Draws rows over 1, 2, …: the mean of each, from its least to its greatest."""
    style, places = _style(index), np.arange(1, len(values) + 1)
    axes.fill_between(
        places, values.min(1), values.max(1), color=style["color"], alpha=0.15, linewidth=0
    )
    axes.plot(places, values.mean(1), linewidth=1.6, **style)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    tidy(axes)


def _style(index: int) -> dict[str, Any]:
    # Slices and random groups have one course: only a dashed line lets the other be seen.
    return line_style(index) | {"linestyle": DASHES[index % len(DASHES)]}
