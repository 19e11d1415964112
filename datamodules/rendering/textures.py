"""Patterns, drawn once into mipmaps and looked up per pixel.

A pattern is a tile of numbers in [0, 1] that mixes a material's two colours. Each is baked at
several resolutions so that far surfaces see its average instead of flickering.
"""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from jaxtyping import Float32, Shaped

from datamodules.rendering.primitives import Pixels, Surfaces

LEVELS = 8
SIDE = 2**LEVELS
# Start of each mipmap level in a flattened pattern: 256², then 128², and so on down to 1.
_STARTS = np.cumsum([0, *(4**level for level in range(LEVELS, 0, -1))]).astype(np.int32)
# Texture coordinates are shifted by this many texels before truncation, so that it rounds down.
_SHIFT = np.float32(2**20)

Tile = Float32[np.ndarray, "side side"]
Drawn = Shaped[np.ndarray, "side side"]


def _cloud(seed: int, smoothest: float, roughness: float) -> Tile:
    """Tileable noise with power falling with frequency, spread evenly over [0, 1]."""
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(SIDE, 1 / SIDE)] * 2))
    spectrum = np.fft.fft2(np.random.default_rng(seed).standard_normal((SIDE, SIDE)))
    noise = np.fft.ifft2(spectrum / (smoothest + frequency) ** roughness).real
    return np.clip(0.5 + 0.25 * noise / noise.std(), 0, 1).astype(np.float32)


def _grid() -> tuple[Tile, Tile]:
    """u and v in [0, 1) of each texel, v along the rows."""
    v, u = (np.mgrid[:SIDE, :SIDE].astype(np.float32) + 0.5) / SIDE
    return u, v


def _checker() -> Drawn:
    u, v = _grid()
    return (u < 0.5) ^ (v < 0.5)


def _blocks(columns: int, rows: int, offset: float, gap: float, seed: int) -> Tile:
    """Blocks of various tones (0 to 0.35) in mortar (1); every other row is shifted."""
    u, v = _grid()
    row = (v * rows).astype(int)
    u = (u * columns + offset * (row % 2)) % columns
    tone = np.random.default_rng(seed).uniform(0, 0.35, (rows, columns)).astype(np.float32)
    tile = tone[row, u.astype(int)] + 0.15 * _cloud(seed, 8.0, 1.0)
    mortar = (u % 1 < gap) | ((v * rows) % 1 < gap * rows / columns)
    return np.where(mortar, np.float32(1), tile)


def _planks() -> Tile:
    _, v = _grid()
    tone = np.random.default_rng(4).uniform(0, 0.6, 8).astype(np.float32)
    grain = cv2.blur(_cloud(5, 2.0, 0.6), (61, 1), borderType=cv2.BORDER_REFLECT)
    seam = (v * 8) % 1 < 0.06
    return np.where(seam, np.float32(1), tone[(v * 8).astype(int)] + 0.5 * grain).clip(0, 1)


def _dots() -> Drawn:
    u, v = _grid()
    return np.hypot(u * 2 % 1 - 0.5, v * 2 % 1 - 0.5) < 0.28


def _waves() -> Drawn:
    u, v = _grid()
    wobble = 0.12 * np.sin(2 * np.pi * u) + 0.1 * (_cloud(9, 2.0, 2.5) - 0.5)
    return 0.5 + 0.5 * np.sin(2 * np.pi * (3 * v + wobble))


def _windows() -> Tile:
    """A 2 × 2 façade: dark panes (1) with frames in a plastered wall (0)."""
    u, v = _grid()
    x, y = u * 2 % 1, v * 2 % 1
    pane = (np.abs(x - 0.5) < 0.24) & (np.abs(y - 0.52) < 0.3)
    bar = (np.abs(x - 0.5) < 0.025) | (np.abs(y - 0.6) < 0.02)
    return np.where(pane & ~bar, np.float32(1), 0.25 * _cloud(10, 4.0, 1.5))


def _lanes() -> Tile:
    """Asphalt with a dashed line in the middle of u and full ones at its ends (v is along)."""
    u, v = _grid()
    dash = (np.abs(u - 0.5) < 0.008) & (v < 0.5)
    edge = np.abs(u - 0.5) > 0.487
    return np.where(dash | edge, np.float32(1), 0.22 * _cloud(11, 40.0, 0.9))


PATTERNS: dict[str, Callable[[], Drawn]] = {
    "plain": lambda: 0.3 * _cloud(1, 4.0, 1.5),
    "checker": _checker,
    "stripes": lambda: _grid()[1] % 0.5 < 0.25,
    "bricks": lambda: _blocks(2, 4, 0.5, 0.08, 2),
    "tiles": lambda: _blocks(4, 4, 0.0, 0.06, 3),
    "planks": _planks,
    "speckle": lambda: _cloud(6, 24.0, 3.0) > 0.62,
    "clouds": lambda: _cloud(7, 2.0, 2.0),
    "grains": lambda: _cloud(8, 40.0, 1.0),
    "dots": _dots,
    "waves": _waves,
    "windows": _windows,
    "lanes": _lanes,
}
NUMBER = {name: number for number, name in enumerate(PATTERNS)}


@cache
def atlas() -> Float32[np.ndarray, " texels"]:
    """All patterns with all their levels, one after the other."""
    flat = []
    for draw in PATTERNS.values():
        tile = draw().astype(np.float32)
        for level in range(LEVELS + 1):
            flat.append(cv2.resize(tile, (SIDE >> level,) * 2, interpolation=cv2.INTER_AREA))
    return np.concatenate([tile.ravel() for tile in flat])


def look_up(pattern: Surfaces, u: Pixels, v: Pixels, footprint: Pixels) -> Pixels:
    """The pattern's value at (u, v), in tiles, averaged over about `footprint` tiles."""
    texels = np.float32(SIDE)
    level = np.clip(np.frexp(footprint * texels)[1] - 1, 0, LEVELS)
    column = ((u * texels + _SHIFT).astype(np.int32) & (SIDE - 1)) >> level
    row = ((v * texels + _SHIFT).astype(np.int32) & (SIDE - 1)) >> level
    place = _STARTS[level] + (row << (LEVELS - level)) + column
    size = atlas().size // len(PATTERNS)
    return atlas()[pattern * np.int32(size) + place]
