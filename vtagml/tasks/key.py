"""What the colours of a picture mean: classes by name, a bar of values, or a ball of directions."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vtagml.losses.shapes import Field

Legend = list[tuple[str, tuple[float, float, float]]]

STEPS, TICKS = 256, 4
WIDE_RANGE = 4.0  # From this ratio on, values are spaced by their logarithm,
WIDEST_RANGE = 1000.0  # up to this one, beyond which the lowest value is as good as none.


class ColourBar(NamedTuple):
    """Colours from the lowest value to the highest, and the values at equal distances."""

    colours: Float[Tensor, "1 width 3"]
    ticks: list[str]


class Key(NamedTuple):
    """At most one of three: the key to the colours of one kind of picture.

    Attributes:
        legend: Classes and their colours.
        bar: The colours from the lowest value to the highest.
        ball: A ball, seen from the front, in the colours of its normals.
    """

    legend: Legend
    bar: ColourBar | None = None
    ball: Float[Tensor, "3 side side"] | None = None


NO_KEY = Key([])


def colour_bar(picture: Callable[[Field], Tensor], values: Field, unit: str) -> ColourBar | None:
    """Returns the colours of the range of some values.

    Args:
        picture: Gives values their colours.
        values: What is drawn; NaN is unknown. Without two different known values there is no bar.
        unit: Stands behind the values.
    """
    known = values[values.isfinite()].double()
    if known.numel() == 0 or known.min() == known.max():
        return None
    low, high = float(known.min()), float(known.max())
    if low > 0 and WIDE_RANGE < high / low <= WIDEST_RANGE:
        ramp = torch.logspace(0, 1, STEPS, base=high / low, dtype=torch.float64) * low
    else:
        ramp = torch.linspace(low, high, STEPS, dtype=torch.float64)
    colours = picture(ramp.to(values.dtype)[None, None, None])[0].permute(1, 2, 0)
    return ColourBar(colours, ticks_of(ramp, unit))


def ticks_of(ramp: Float[Tensor, "values"], unit: str) -> list[str]:
    """Labels for values at equal distances on a ramp, its ends among them."""
    places = [round(index * (len(ramp) - 1) / (TICKS - 1)) for index in range(TICKS)]
    smallest = float(ramp.abs().max()) / WIDEST_RANGE
    return [f"{_short(float(ramp[place]), smallest)} {unit}".strip() for place in places]


def _short(value: float, smallest: float) -> str:
    if abs(value) < smallest:
        return "0"
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"
