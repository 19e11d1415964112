"""What the colours of a continuous map of one channel mean, asked of the task itself."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vtagml.tasks.task import Task

STEPS, TICKS = 256, 4
WIDE_RANGE = 4.0  # From this ratio on, values are spaced by their logarithm,
WIDEST_RANGE = 1000.0  # up to this one, beyond which the lowest value is as good as none.


class ColourBar(NamedTuple):
    """Colours from the lowest value to the highest, and the values at equal distances."""

    colours: Float[Tensor, "1 width 3"]
    ticks: list[str]


def colour_bar(task: Task, values: Float[Tensor, "batch 1 height width"]) -> ColourBar | None:
    """Returns the colours that `Task.picture` gives to the range of some values.

    Args:
        task: Its `unit`, if it has one, stands behind the values.
        values: What is drawn; NaN is unknown. Without two different known values there is no bar.
    """
    known = values[values.isfinite()].double()
    if known.numel() == 0 or known.min() == known.max():
        return None
    low, high = float(known.min()), float(known.max())
    if low > 0 and WIDE_RANGE < high / low <= WIDEST_RANGE:
        ramp = torch.logspace(0, 1, STEPS, base=high / low, dtype=torch.float64) * low
    else:
        ramp = torch.linspace(low, high, STEPS, dtype=torch.float64)
    colours = task.picture(ramp.to(values.dtype)[None, None, None])[0].permute(1, 2, 0)
    return ColourBar(colours, ticks_of(ramp, getattr(task, "unit", "")))


def ticks_of(ramp: Float[Tensor, "values"], unit: str) -> list[str]:
    """Labels for values at equal distances on a ramp, its ends among them."""
    places = [round(index * (len(ramp) - 1) / (TICKS - 1)) for index in range(TICKS)]
    smallest = float(ramp.abs().max()) / WIDEST_RANGE
    return [f"{_short(float(ramp[place]), smallest)} {unit}".strip() for place in places]


def _short(value: float, smallest: float) -> str:
    if abs(value) < smallest:
        return "0"
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"
