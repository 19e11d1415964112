"""Errors of depth over the valid pixels of a range of distances, in float64."""

from abc import abstractmethod

import torch

from vtagml.losses.shapes import Field, Number, Sums, Where
from vtagml.metrics.depth_range import DepthRange
from vtagml.metrics.pooled import Pooled, masked_sums


class DepthError(Pooled):
    """A depth metric over the valid pixels of a range; a subclass says what is summed."""

    higher_is_better = False

    def __init__(self, distances: DepthRange | None = None) -> None:
        super().__init__()
        self.distances = distances or DepthRange()

    def sums(self, prediction: Field, target: Field) -> Sums:
        valid = self.distances.valid(target)
        return self.masked(self.distances.clamp(prediction).double(), target.double(), valid)

    @abstractmethod
    def masked(self, prediction: Field, target: Field, valid: Where) -> Sums:
        """The sum of the quantity over the valid pixels, and its divisor."""


class AbsoluteRelativeError(DepthError):
    """AbsRel: the mean of |p - g| / g over all valid pixels of the dataset."""

    def masked(self, prediction: Field, target: Field, valid: Where) -> Sums:
        return masked_sums((prediction - target).abs() / target, valid)


class RootMeanSquareError(DepthError):
    """RMSE in metres over all valid pixels of the dataset."""

    def masked(self, prediction: Field, target: Field, valid: Where) -> Sums:
        return masked_sums((prediction - target).square(), valid)

    def compute(self) -> Number:
        return super().compute().sqrt()


class ImageRootMeanSquareError(DepthError):
    """RMSE in metres of each image, averaged over the images that have a valid pixel.

    Some papers report this mean; it is never more than the pooled RMSE where all images have the
    same number of valid pixels.
    """

    def masked(self, prediction: Field, target: Field, valid: Where) -> Sums:
        squares = torch.where(valid, (prediction - target).square(), 0.0).sum(dim=(1, 2, 3))
        pixels = valid.sum(dim=(1, 2, 3))
        return masked_sums((squares / pixels).sqrt(), pixels > 0)


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
