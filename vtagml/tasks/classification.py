"""Classification of whole images."""

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import MetricCollection

from vtagml.losses.cross_entropy import cross_entropy
from vtagml.losses.shapes import Ids, Sums
from vtagml.metrics.accuracy import Accuracy
from vtagml.metrics.collection import collect
from vtagml.metrics.unit import percent
from vtagml.tasks.categorical import Categorical
from vtagml.tasks.task import Map, Span


class Classification(Categorical):
    """One class id per image; 255 is unknown.

    The map is a vector of scores, [batch, classes]. Metric, in [0, 1]: `accuracy` (top-1).

    Args:
        name: Key of the task in samples, outputs and logs, for example "birds".
        classes: Number of classes, without the unknown.
        weight: Fixed weight of the loss.
        names: Names of the classes; by default those of the data.
        smoothing: Share of a label that the loss spreads evenly over all classes.

    Attributes:
        offset: The place of its first class among the map's scores.
    """

    offset = 0
    headline = "accuracy"
    higher_is_better = True
    of_whole_image = True
    units: ClassVar = {"accuracy": percent("accuracy")}

    def __init__(
        self,
        name: str,
        classes: int,
        weight: float = 1.0,
        names: Sequence[str] | None = None,
        smoothing: float = 0.0,
    ) -> None:
        super().__init__(name, classes, weight, names)
        if not 0 <= smoothing < 1:
            raise ValueError(
                f"`smoothing` of {name} must be at least 0 and below 1, found {smoothing}: 0 "
                "teaches the labels alone."
            )
        self.smoothing = smoothing

    def loss(self, map: Map, target: Ids) -> Sums:
        if self.class_map is not None:  # a class that is never predicted cannot have its share
            return self.cross_entropy(map, target)
        return cross_entropy(map, target, self.smoothing)

    def comparable(self) -> dict[str, Any]:
        return super().comparable() | {"evaluated": "within the set"}

    def code(self, span: Span | None = None) -> NoReturn:
        raise ValueError(
            f"`tasks` whose maps another network judges must have dense maps, found {self.name} "
            f"of {type(self).__name__}, which is one row of scores: leave it out."
        )

    def metrics(self) -> MetricCollection:
        return collect({"accuracy": Accuracy()})

    def picture(self, prediction: Int[Tensor, "batch"]) -> Float[Tensor, "batch 3 1 1"]:
        """One pixel in the colour of the class per image."""
        return self.colours(prediction)[:, :, None, None]
