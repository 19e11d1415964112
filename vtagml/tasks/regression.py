"""A number per pixel without a unit."""

import math

import matplotlib
import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import MetricCollection

from vtagml.losses.unknown import full_precision, known
from vtagml.metrics.collection import collect
from vtagml.metrics.mean_absolute_error import MaskedMeanAbsoluteError
from vtagml.metrics.pooled import Pooled
from vtagml.tasks.palette import UNKNOWN_GREY
from vtagml.tasks.prior import MeanPrior
from vtagml.tasks.task import Task


class Regression(Task):
    """Any real number per pixel; NaN is unknown.

    The map is the prediction, the loss is the squared error. Metrics, in the labels' own unit:
    `mse`, the mean squared error, which is one less the explained share of the variance where
    labels have mean 0 and variance 1; `l1`, the mean absolute error.

    Args:
        name: Key of the task in samples, outputs and logs.
        weight: Fixed weight of the loss.
        pictured: Ends of the picture's colour scale, dark and bright.
    """

    headline = "mse"
    higher_is_better = False

    def __init__(
        self, name: str, weight: float = 1.0, pictured: tuple[float, float] = (-2.5, 2.5)
    ) -> None:
        super().__init__(name, channels=1, weight=weight)
        if not (pictured[0] < pictured[1] and all(map(math.isfinite, pictured))):
            raise ValueError(f"`pictured` of {name} must be two rising numbers, found {pictured}.")
        self.pictured = pictured

    def predict(
        self, map: Float[Tensor, "batch 1 height width"]
    ) -> Float[Tensor, "batch 1 height width"]:
        return full_precision(map)

    def loss(
        self,
        map: Float[Tensor, "batch 1 height width"],
        target: Float[Tensor, "batch 1 height width"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        return squared_error(full_precision(map), target)

    def metrics(self) -> MetricCollection:
        return collect({"mse": MaskedMeanSquaredError(), "l1": MaskedMeanAbsoluteError()})

    def prior(self) -> MeanPrior:
        return MeanPrior()

    def picture(
        self, prediction: Float[Tensor, "batch 1 height width"]
    ) -> Float[Tensor, "batch 3 height width"]:
        low, high = self.pictured
        valid = known(prediction)
        share = (torch.where(valid, prediction, low).float().clamp(low, high) - low) / (high - low)
        table = matplotlib.colormaps["viridis"](torch.linspace(0, 1, 256).numpy())[:, :3]
        colours = torch.as_tensor(table, dtype=torch.float32, device=share.device)
        place = (share[:, 0] * (len(colours) - 1)).round().long()
        return torch.where(valid, colours[place].movedim(-1, 1), UNKNOWN_GREY)


class MaskedMeanSquaredError(Pooled):
    """The mean squared difference over valid pixels."""

    higher_is_better = False

    def sums(
        self,
        prediction: Float[Tensor, "batch 1 height width"],
        target: Float[Tensor, "batch 1 height width"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        return squared_error(prediction.double(), target)


def squared_error(
    prediction: Float[Tensor, "batch 1 height width"],
    target: Float[Tensor, "batch 1 height width"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The squared difference summed over the valid pixels, and their number."""
    valid = known(target)
    # Both sides are masked before the difference: afterwards, zero times NaN would be NaN.
    difference = torch.where(valid, prediction, 0.0) - torch.where(valid, target, 0.0)
    return difference.square().sum(), valid.sum().to(difference.dtype)
