"""The reverse Huber penalty on inverse depth."""

import torch
from jaxtyping import Float
from torch import Tensor

from vtagml.losses.shapes import Field, Sums
from vtagml.losses.unknown import full_precision, known

SHARE = 0.2
"""The penalty turns from linear to quadratic at this share of an image's largest error."""


def inverse_berhu(prediction: Field, depth: Field) -> Sums:
    """The reverse Huber penalty between inverse depths, summed over valid pixels; their number.

    The loss of Laina et al., "Deeper Depth Prediction with Fully Convolutional Residual
    Networks", on inverse depth.

    Note:
        The published threshold is a fifth of the largest error in the batch. Here it is that of
        the image, so that the loss of an image does not depend on its company and several ranks
        agree with one. No gradient flows through it.

    Args:
        prediction: Inverse depth, 1 / m.
        depth: Depth in metres; NaN, or anything that is not positive, is unknown.
    """
    prediction = full_precision(prediction)
    valid = known(depth) & (depth > 0)
    inverse = torch.where(valid, depth, 1.0).to(prediction.dtype).reciprocal()
    error = torch.where(valid, prediction - inverse, 0.0).abs()
    threshold = SHARE * error.detach().amax(dim=(1, 2, 3), keepdim=True)
    return berhu(error, threshold).sum(), valid.sum().to(error.dtype)


def berhu(error: Field, threshold: Float[Tensor, "batch 1 1 1"]) -> Field:
    """The reverse Huber penalty e where e <= c, else (e² + c²) / 2c; smooth at the threshold c."""
    # Without any error the threshold is zero, and all pixels are in the linear part.
    divisor = 2 * torch.where(threshold > 0, threshold, 1.0)
    return torch.where(error <= threshold, error, (error.square() + threshold.square()) / divisor)
