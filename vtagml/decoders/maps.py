"""Layouts and sizes of maps: what every decoder does to a tensor before and after its layers."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def channels_last(
    features: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch height width channels"]:
    return features.permute(0, 2, 3, 1)


def channels_first(
    features: Float[Tensor, "batch height width channels"],
) -> Float[Tensor, "batch channels height width"]:
    return features.permute(0, 3, 1, 2)


def upsample(
    features: Float[Tensor, "batch channels _ _"], size: tuple[int, int]
) -> Float[Tensor, "batch channels _ _"]:
    """Bilinear interpolation to `size`, aligned by pixel edges; nothing where it already fits."""
    if features.shape[-2:] == size:
        return features
    return functional.interpolate(features, size=size, mode="bilinear", align_corners=False)


def double(
    features: Float[Tensor, "batch channels _ _"],
) -> Float[Tensor, "batch channels _ _"]:
    """Bilinear interpolation to twice the height and width."""
    height, width = features.shape[-2:]
    return upsample(features, (2 * height, 2 * width))
