"""Colours for classes whose dataset defines none, for numbers, and for what is unknown."""

import matplotlib
import torch
from jaxtyping import Float
from torch import Tensor

from vtagml.losses.shapes import Field, Pictures

UNKNOWN_GREY = 0.5
"""Red, green and blue of pixels without a label."""

BASE = (
    (0.00, 0.45, 0.70),
    (0.90, 0.60, 0.00),
    (0.00, 0.62, 0.45),
    (0.80, 0.47, 0.65),
    (0.34, 0.71, 0.91),
    (0.84, 0.37, 0.00),
    (0.94, 0.89, 0.26),
)
"""The colours of Okabe and Ito, which colour-blind readers tell apart, without black."""

DARKEST = 0.8
"""By how much the darkest shade is mixed with black."""


def palette(classes: int) -> list[tuple[float, float, float]]:
    """The same distinct colours for the same number of classes, always.

    Seven base colours, and then darker shades of them: brightness is what everyone sees.
    """
    colours = []
    for index in range(classes):
        shade, base = divmod(index, len(BASE))
        light = 1 - DARKEST * _halves(shade)
        red, green, blue = BASE[base]
        colours.append((light * red, light * green, light * blue))
    return colours


def _halves(index: int) -> float:
    """0, 1/2, 1/4, 3/4, 1/8, …: any first few are spread over [0, 1) (van der Corput)."""
    digits = f"{index:b}"
    return int(digits[::-1], 2) / 2 ** len(digits)


def ramp(colours: str) -> Float[Tensor, "256 3"]:
    """One of matplotlib's ranges of colours, from 0 to 1."""
    table = matplotlib.colormaps[colours](torch.linspace(0, 1, 256).numpy())[:, :3]
    return torch.as_tensor(table, dtype=torch.float32)


def on_ramp(shares: Field, colours: str = "viridis") -> Pictures:
    """Shares of a range as colours, those outside as its ends; grey where they are NaN."""
    valid = shares.isfinite()
    table = ramp(colours).to(shares.device)
    place = (torch.where(valid, shares, 0.0)[:, 0].clamp(0, 1) * (len(table) - 1)).round().long()
    return torch.where(valid, table[place].movedim(-1, 1), UNKNOWN_GREY)
