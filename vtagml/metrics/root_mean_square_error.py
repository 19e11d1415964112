"""The root of the mean squared depth error, over all pixels or per image."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vtagml.metrics.depth_error import DepthError
from vtagml.metrics.pooled import masked_sums


def squared_error(
    prediction: Float[Tensor, "batch 1 height width"],
    target: Float[Tensor, "batch 1 height width"],
    valid: Bool[Tensor, "batch 1 height width"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The sum of squared errors over the valid pixels, and their number."""
    return masked_sums((prediction - target).square(), valid)


def image_root_mean_square_error(
    prediction: Float[Tensor, "batch 1 height width"],
    target: Float[Tensor, "batch 1 height width"],
    valid: Bool[Tensor, "batch 1 height width"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The sum of the images' own RMSE, and the number of images with a valid pixel."""
    squares = torch.where(valid, (prediction - target).square(), 0.0).sum(dim=(1, 2, 3))
    pixels = valid.sum(dim=(1, 2, 3))
    return masked_sums((squares / pixels).sqrt(), pixels > 0)


class RootMeanSquareError(DepthError):
    """RMSE in metres over all valid pixels of the dataset."""

    def masked(
        self,
        prediction: Float[Tensor, "batch 1 height width"],
        target: Float[Tensor, "batch 1 height width"],
        valid: Bool[Tensor, "batch 1 height width"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        return squared_error(prediction, target, valid)

    def compute(self) -> Float[Tensor, ""]:
        return super().compute().sqrt()


class ImageRootMeanSquareError(DepthError):
    """RMSE in metres of each image, averaged over the images that have a valid pixel.

    Some papers report this mean; it is never more than the pooled RMSE where all images have the
    same number of valid pixels.
    """

    def masked(
        self,
        prediction: Float[Tensor, "batch 1 height width"],
        target: Float[Tensor, "batch 1 height width"],
        valid: Bool[Tensor, "batch 1 height width"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        return image_root_mean_square_error(prediction, target, valid)
