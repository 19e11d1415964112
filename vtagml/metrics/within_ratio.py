"""The share of pixels whose depth is right up to a ratio (δ < 1.25)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vtagml.metrics.depth_error import DepthError
from vtagml.metrics.depth_range import DepthRange
from vtagml.metrics.pooled import masked_sums


def within_ratio(
    prediction: Float[Tensor, "batch 1 height width"],
    target: Float[Tensor, "batch 1 height width"],
    valid: Bool[Tensor, "batch 1 height width"],
    ratio: float,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The number of valid pixels with max(p/g, g/p) below the ratio, and of valid pixels."""
    return masked_sums(torch.maximum(prediction / target, target / prediction) < ratio, valid)


class WithinRatio(DepthError):
    """δ: the share of valid pixels with max(p/g, g/p) below a ratio.

    Args:
        ratio: More than 1.
        distances: The distances in which depth is evaluated; None for all.
    """

    higher_is_better = True

    def __init__(self, ratio: float = 1.25, distances: DepthRange | None = None) -> None:
        if not ratio > 1:
            raise ValueError(
                f"`ratio` must be more than 1, found {ratio}: δ1, δ2 and δ3 are 1.25, 1.25**2 "
                "and 1.25**3."
            )
        super().__init__(distances)
        self.ratio = ratio

    def masked(
        self,
        prediction: Float[Tensor, "batch 1 height width"],
        target: Float[Tensor, "batch 1 height width"],
        valid: Bool[Tensor, "batch 1 height width"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        return within_ratio(prediction, target, valid, self.ratio)
