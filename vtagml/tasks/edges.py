"""Texture edges."""

from typing import Any, ClassVar

import torch
from torchmetrics import MetricCollection

from vtagml.losses.masked_l1 import masked_l1
from vtagml.losses.shapes import Field, Pictures, Sums
from vtagml.losses.unknown import full_precision, known
from vtagml.metrics.collection import collect
from vtagml.metrics.edge_f1 import EdgeF1, EdgeMacroF1, check_threshold
from vtagml.metrics.mean_absolute_error import MaskedMeanAbsoluteError
from vtagml.metrics.unit import percent
from vtagml.tasks.palette import UNKNOWN_GREY
from vtagml.tasks.task import Task


class Edges(Task):
    """Strength of edges in [0, 1]; NaN is unknown.

    The map is the strength itself: the prediction clamps it, the ℓ1 loss does not. So exact zeros,
    most of the label, can be reached, and values outside [0, 1] still get a gradient; a sigmoid
    has neither.

    Metrics, in [0, 1]: `f1` of the pixels whose target reaches `threshold`, at the threshold of the
    prediction that is best for the dataset; `f1_macro`, the mean of the F1 of edge and of not edge,
    both sides cut at `threshold`; `l1`.

    Note:
        The paper reports an F1 without its threshold; a result has to be recorded with ours.

    Args:
        threshold: Strength from which a pixel is an edge in the F1 metrics.
        weight: Fixed weight of the loss.
        name: Key of the task in samples, outputs and logs.
    """

    headline = "f1"
    higher_is_better = True
    units: ClassVar = {"f1": percent("F1"), "f1_macro": percent("macro F1")}
    letter = "E"

    def __init__(self, threshold: float = 0.2, weight: float = 1.0, name: str = "edges") -> None:
        super().__init__(name, channels=1, weight=weight)
        self.threshold = check_threshold(threshold)

    def predict(self, map: Field) -> Field:
        return full_precision(map).clamp(0, 1)

    def loss(self, map: Field, target: Field) -> Sums:
        return masked_l1(map, target)

    def metrics(self) -> MetricCollection:
        return collect(
            {
                "f1": EdgeF1(self.threshold),
                "f1_macro": EdgeMacroF1(self.threshold),
                "l1": MaskedMeanAbsoluteError(),
            }
        )

    def comparable(self) -> dict[str, Any]:
        return {"threshold": self.threshold}

    def picture(self, prediction: Field) -> Pictures:
        grey = torch.where(known(prediction), prediction, UNKNOWN_GREY).clamp(0, 1)
        return grey.float().expand(-1, 3, -1, -1)
