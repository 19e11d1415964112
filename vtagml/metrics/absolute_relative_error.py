"""The absolute depth error relative to the true depth (AbsRel)."""

from jaxtyping import Bool, Float
from torch import Tensor

from vtagml.metrics.depth_error import DepthError
from vtagml.metrics.pooled import masked_sums


def relative_error(
    prediction: Float[Tensor, "batch 1 height width"],
    target: Float[Tensor, "batch 1 height width"],
    valid: Bool[Tensor, "batch 1 height width"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The sum of |p - g| / g over the valid pixels, and their number."""
    return masked_sums((prediction - target).abs() / target, valid)


class AbsoluteRelativeError(DepthError):
    """AbsRel: the mean of |p - g| / g over all valid pixels of the dataset."""

    def masked(
        self,
        prediction: Float[Tensor, "batch 1 height width"],
        target: Float[Tensor, "batch 1 height width"],
        valid: Bool[Tensor, "batch 1 height width"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        return relative_error(prediction, target, valid)
