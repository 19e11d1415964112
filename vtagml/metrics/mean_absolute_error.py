"""The mean absolute difference of continuous labels."""

from vtagml.losses.masked_l1 import masked_l1
from vtagml.losses.shapes import Maps, Sums
from vtagml.metrics.pooled import Pooled


class MaskedMeanAbsoluteError(Pooled):
    """The mean absolute difference over channels and valid pixels."""

    higher_is_better = False

    def sums(self, prediction: Maps, target: Maps) -> Sums:
        return masked_l1(prediction.double(), target)
