"""Layouts and sizes of maps: what every decoder does to a tensor before and after its layers."""

from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

ChannelsFirst: TypeAlias = Float[Tensor, "batch channels height width"]
ChannelsLast: TypeAlias = Float[Tensor, "batch height width channels"]
Map: TypeAlias = Float[Tensor, "batch _ _ _"]
"""Either of them, with as many channels and pixels as it has."""
Scores: TypeAlias = Float[Tensor, "batch _ ..."]
"""What a head gives, of whole images too."""


def channels_last(features: ChannelsFirst) -> ChannelsLast:
    return features.permute(0, 2, 3, 1)


def channels_first(features: ChannelsLast) -> ChannelsFirst:
    return features.permute(0, 3, 1, 2)


def upsample(features: Map, size: tuple[int, int]) -> Map:
    """Bilinear interpolation to `size`, aligned by pixel edges; nothing where it already fits."""
    if features.shape[-2:] == size:
        return features
    return functional.interpolate(features, size=size, mode="bilinear", align_corners=False)
