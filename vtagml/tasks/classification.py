"""Classification of whole images."""

from typing import ClassVar, NoReturn

from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import MetricCollection

from vtagml.metrics.accuracy import Accuracy
from vtagml.metrics.collection import collect
from vtagml.metrics.unit import percent
from vtagml.tasks.categorical import Categorical
from vtagml.tasks.task import Span


class Classification(Categorical):
    """One class id per image; 255 is unknown.

    The map is a vector of scores, [batch, classes]. Metric, in [0, 1]: `accuracy` (top-1).

    Args:
        name: Key of the task in samples, outputs and logs, for example "birds".
        classes: Number of classes, without the unknown.
        weight: Fixed weight of the loss.
        names: Names of the classes; by default those of the data.
    """

    headline = "accuracy"
    higher_is_better = True
    units: ClassVar = {"accuracy": percent("accuracy")}

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
