"""The mean absolute difference of continuous labels."""

from jaxtyping import Float
from torch import Tensor

from vtagml.losses.masked_l1 import masked_l1
from vtagml.losses.shapes import Sums
from vtagml.metrics.pooled import Pooled


class MaskedMeanAbsoluteError(Pooled):
    """The mean absolute difference over channels and valid pixels."""

    higher_is_better = False

    def sums(
        self,
        prediction: Float[Tensor, "batch channels height width"],
        target: Float[Tensor, "batch channels height width"],
    ) -> Sums:
        return masked_l1(prediction.double(), target)
