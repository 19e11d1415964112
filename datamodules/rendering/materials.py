"""Materials: two colours mixed by a pattern, and how they shine."""

from collections.abc import Sequence
from colorsys import hsv_to_rgb
from dataclasses import dataclass, replace

import numpy as np

from datamodules.rendering.looks import Colour


def from_hsv(hue: float, saturation: float, value: float) -> Colour:
    """Linear light of a displayed colour; hue in degrees. The display's gamma is taken as 2."""
    red, green, blue = hsv_to_rgb(hue / 360 % 1, saturation, value)
    return red * red, green * green, blue * blue


@dataclass(frozen=True)
class Material:
    """The look of a surface.

    Attributes:
        colour: where the pattern is 0, linear light.
        second: where the pattern is 1.
        pattern: name in `textures.PATTERNS`.
        density: tiles per metre along u and v.
        phase: shift of the pattern, in tiles, along u and v.
        gloss: strength of the highlight, 0 is matte.
        glow: warm light sent out where the pattern is 1, in a look whose `glow` is 1.
    """

    colour: Colour
    second: Colour
    pattern: str = "plain"
    density: tuple[float, float] = (1.0, 1.0)
    phase: tuple[float, float] = (0.0, 0.0)
    gloss: float = 0.0
    glow: float = 0.0

    def brightened(self, factor: float) -> "Material":
        """The same material under `factor` times the light, as far as white allows."""
        factor = min(factor, 0.95 / max(*self.colour, *self.second, 1e-3))
        colour, second = shaded(self.colour, factor), shaded(self.second, factor)
        return replace(self, colour=colour, second=second)


def shaded(colour: Colour, factor: float) -> Colour:
    red, green, blue = colour
    return min(red * factor, 1.0), min(green * factor, 1.0), min(blue * factor, 1.0)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * rng.random()


def pick(rng: np.random.Generator, names: Sequence[str]) -> str:
    return names[int(rng.integers(len(names)))]


def random_material(
    rng: np.random.Generator,
    patterns: Sequence[str],
    tiles: tuple[float, float],
    saturation: tuple[float, float],
    value: tuple[float, float],
) -> Material:
    """A material of a random hue whose second colour is a lighter, darker or other one."""
    hue = between(rng, 0.0, 360.0)
    colour = from_hsv(hue, between(rng, *saturation), between(rng, *value))
    other = from_hsv(
        hue + between(rng, -60.0, 60.0), between(rng, *saturation), between(rng, 0.1, 1.0)
    )
    density = between(rng, *tiles)
    gloss = max(between(rng, -0.6, 0.8), 0.0)
    pattern, phase = pick(rng, patterns), (rng.random(), rng.random())
    return Material(colour, other, pattern, (density, density), phase, gloss)
