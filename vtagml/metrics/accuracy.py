"""The share of labels that are predicted right."""

from vtagml.losses.shapes import Ids, Sums
from vtagml.losses.unknown import known_classes
from vtagml.metrics.pooled import Pooled, masked_sums


class Accuracy(Pooled):
    """The share of known labels that are predicted right: of pixels, or of images (top-1)."""

    higher_is_better = True

    def sums(self, prediction: Ids, target: Ids) -> Sums:
        return masked_sums(prediction == target, known_classes(target))
