"""A number per pixel without a unit."""

import math

import torch
from torchmetrics import MetricCollection

from vtagml.losses.shapes import Field, Pictures, Sums
from vtagml.losses.unknown import full_precision, known
from vtagml.metrics.collection import collect
from vtagml.metrics.mean_absolute_error import MaskedMeanAbsoluteError
from vtagml.metrics.pooled import Pooled
from vtagml.tasks.palette import on_ramp
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

    def predict(self, map: Field) -> Field:
        return full_precision(map)

    def loss(self, map: Field, target: Field) -> Sums:
        return squared_error(full_precision(map), target)

    def metrics(self) -> MetricCollection:
        return collect({"mse": MaskedMeanSquaredError(), "l1": MaskedMeanAbsoluteError()})

    def picture(self, prediction: Field) -> Pictures:
        low, high = self.pictured
        shown = torch.where(known(prediction), prediction, torch.nan).float().clamp(low, high)
        return on_ramp((shown - low) / (high - low))


class MaskedMeanSquaredError(Pooled):
    """The mean squared difference over valid pixels."""

    higher_is_better = False

    def sums(self, prediction: Field, target: Field) -> Sums:
        return squared_error(prediction.double(), target)


def squared_error(prediction: Field, target: Field) -> Sums:
    """The squared difference summed over the valid pixels, and their number."""
    valid = known(target)
    # Both sides are masked before the difference: afterwards, zero times NaN would be NaN.
    difference = torch.where(valid, prediction, 0.0) - torch.where(valid, target, 0.0)
    return difference.square().sum(), valid.sum().to(difference.dtype)
