"""The root of the mean squared depth error, over all pixels or per image."""

import torch

from vtagml.losses.shapes import Field, Number, Sums, Where
from vtagml.metrics.depth_error import DepthError
from vtagml.metrics.pooled import masked_sums


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
