"""The share of labels that are predicted right."""

from jaxtyping import Float, Int
from torch import Tensor

from vtagml.losses.unknown import known_classes
from vtagml.metrics.pooled import Pooled, masked_sums


def correct(
    prediction: Int[Tensor, "batch *size"], target: Int[Tensor, "batch *size"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The number of right predictions among the known labels, and the number of known labels."""
    return masked_sums(prediction == target, known_classes(target))


class Accuracy(Pooled):
    """The share of known labels that are predicted right: of pixels, or of images (top-1)."""

    higher_is_better = True

    def sums(
        self, prediction: Int[Tensor, "batch *size"], target: Int[Tensor, "batch *size"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        return correct(prediction, target)
