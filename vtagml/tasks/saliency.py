"""What stands out in an image."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torchmetrics import MetricCollection

from vtagml.losses.balanced_bce import balanced_bce
from vtagml.losses.shapes import Field, Pictures, Sums
from vtagml.losses.unknown import full_precision, known
from vtagml.metrics.collection import collect
from vtagml.metrics.saliency import ForegroundIoU, MaxF, MaxF1
from vtagml.metrics.unit import percent
from vtagml.tasks.palette import UNKNOWN_GREY
from vtagml.tasks.task import Span, Task


class Saliency(Task):
    """How likely each pixel is to be salient, in [0, 1]; labels are 0 or 1, NaN is unknown.

    The map becomes a probability by a sigmoid. The loss is the binary cross-entropy in which both
    sides of an image weigh alike. Metrics, in [0, 1]: `iou`, the mean of the images' IoU of what is
    salient, and `max_f1`, from mean precision and mean recall, both at the best of 15 thresholds,
    as Vandenhende et al. have them; `max_f`, pooled, with β² = 0.3, as papers on saliency do.

    Args:
        weight: Fixed weight of the loss.
        name: Key of the task in samples, outputs and logs.
    """

    headline = "iou"
    higher_is_better = True
    units: ClassVar = {
        "iou": percent("IoU"),
        "max_f1": percent("maxF (β = 1, means)"),
        "max_f": percent("maxF (β² = 0.3, pooled)"),
    }
    letter = "H"  # highlights: S is taken

    def __init__(self, weight: float = 1.0, name: str = "saliency") -> None:
        super().__init__(name, channels=1, weight=weight)

    def predict(self, map: Field) -> Field:
        return full_precision(map).sigmoid()

    def code(self, span: Span | None = None) -> Callable[[Field], Field]:
        """Probabilities: scores have no range of their own."""
        return self.predict

    def loss(self, map: Field, target: Field) -> Sums:
        return balanced_bce(map, target)

    def metrics(self) -> MetricCollection:
        return collect({"iou": ForegroundIoU(), "max_f1": MaxF1(), "max_f": MaxF()})

    def picture(self, prediction: Field) -> Pictures:
        grey = torch.where(known(prediction), prediction, UNKNOWN_GREY).clamp(0, 1)
        return grey.float().expand(-1, 3, -1, -1)
