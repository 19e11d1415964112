"""Semantic segmentation."""

from collections.abc import Sequence
from typing import ClassVar

from jaxtyping import Int
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassJaccardIndex

from vtagml.losses.shapes import Pictures
from vtagml.losses.unknown import UNKNOWN_CLASS
from vtagml.metrics.accuracy import Accuracy
from vtagml.metrics.collection import collect
from vtagml.metrics.unit import percent
from vtagml.tasks.categorical import Categorical


class Segmentation(Categorical):
    """One class id per pixel; 255 is unknown.

    Metrics, in [0, 1]: `miou`, the mean intersection over union of one confusion matrix over the
    whole dataset, and `accuracy`, the share of pixels.

    Note:
        The mean is over the classes that occur in the targets or in the predictions of the dataset.
        A class that occurs in neither is left out (some code bases count it as 0); one that is
        only predicted counts as 0.

    Args:
        classes: Number of classes, without the unknown.
        weight: Fixed weight of the loss.
        name: Key of the task in samples, outputs and logs.
        names: Names of the classes; by default those of the data.
    """

    headline = "miou"
    higher_is_better = True
    units: ClassVar = {"miou": percent("mIoU"), "accuracy": percent("accuracy")}
    letter = "S"

    def __init__(
        self,
        classes: int,
        weight: float = 1.0,
        name: str = "segmentation",
        names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(name, classes, weight, names)

    def metrics(self) -> MetricCollection:
        # Without `validate_args=False` every update lists the unique ids, which is slow.
        miou = MulticlassJaccardIndex(
            self.data_classes, ignore_index=UNKNOWN_CLASS, validate_args=False
        )
        return collect({"miou": miou, "accuracy": Accuracy()})

    def picture(self, prediction: Int[Tensor, "batch height width"]) -> Pictures:
        return self.colours(prediction).movedim(-1, 1)
