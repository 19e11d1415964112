"""The absolute depth error relative to the true depth (AbsRel)."""

from vtagml.losses.shapes import Field, Sums, Where
from vtagml.metrics.depth_error import DepthError
from vtagml.metrics.pooled import masked_sums


class AbsoluteRelativeError(DepthError):
    """AbsRel: the mean of |p - g| / g over all valid pixels of the dataset."""

    def masked(self, prediction: Field, target: Field, valid: Where) -> Sums:
        return masked_sums((prediction - target).abs() / target, valid)
