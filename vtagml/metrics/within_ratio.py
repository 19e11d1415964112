"""The share of pixels whose depth is right up to a ratio (δ < 1.25)."""

import torch

from vtagml.losses.shapes import Field, Sums, Where
from vtagml.metrics.depth_error import DepthError
from vtagml.metrics.depth_range import DepthRange
from vtagml.metrics.pooled import masked_sums


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

    def masked(self, prediction: Field, target: Field, valid: Where) -> Sums:
        ratio = torch.maximum(prediction / target, target / prediction)
        return masked_sums(ratio < self.ratio, valid)
