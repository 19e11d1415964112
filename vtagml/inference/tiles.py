"""Large maps from overlapping tiles, without seams."""

import math
from collections.abc import Callable, Iterator, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

MapsOfTile = Callable[[slice, slice], Mapping[str, Tensor]]
"""Gives the maps of a tile, `[channels, height, width]`, from its rows and columns."""


def starts(length: int, tile: int, overlap: float) -> list[int]:
    """Returns where tiles begin that cover a length, spread evenly.

    Args:
        length: What is covered.
        tile: Length of a tile, at most `length`.
        overlap: Share of a tile that it has in common with the next one, at least.
    """
    step = max(1, tile - round(tile * overlap))
    count = math.ceil((length - tile) / step)
    return [round(index * (length - tile) / max(count, 1)) for index in range(count + 1)]


def blended(
    maps_of: MapsOfTile, size: tuple[int, int], tile: tuple[int, int], overlap: float
) -> Iterator[dict[str, Tensor]]:
    """Yields the maps of an image in bands of rows, from the top.

    A tile counts most in its middle and fades towards its border, where it sees the least; the
    weights of all tiles at a pixel are divided by their sum. No more than one row of tiles is held.

    Args:
        maps_of: Gives the maps of one tile.
        size: Height and width of the image.
        tile: Height and width of a tile, in pixels of the image.
        overlap: Share of a tile that it has in common with the next one, at least.
    """
    height, width = (min(side, whole) for side, whole in zip(tile, size, strict=True))
    tops, lefts = starts(size[0], height, overlap), starts(size[1], width, overlap)
    weights = fading(height)[:, None] * fading(width)
    kept: dict[str, Tensor] = {}
    for top, end in zip(tops, [*tops[1:], size[0]], strict=True):
        band: dict[str, Tensor] = {}
        for left in lefts:
            maps = maps_of(slice(top, top + height), slice(left, left + width))
            for name, map in maps.items():
                if name not in band:
                    band[name] = map.new_zeros(len(map) + 1, height, size[1])
                weight = weights.to(map)
                weighted = torch.cat([map * weight, weight[None]])  # the last channel sums weights
                band[name][..., left : left + width] += weighted
        for name, before in kept.items():
            band[name][:, : before.shape[1]] += before
        yield {name: sums[:-1, : end - top] / sums[-1:, : end - top] for name, sums in band.items()}
        kept = {name: sums[:, end - top :] for name, sums in band.items()}


def fading(length: int) -> Float[Tensor, " length"]:
    """Returns sin², positive everywhere, which falls to both ends without a kink."""
    return torch.sin(torch.pi * (torch.arange(length) + 0.5) / length).square()
