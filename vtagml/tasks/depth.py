"""Depth in metres."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional
from torchmetrics import MetricCollection

from vtagml.losses.rotated_l1 import rotated_l1
from vtagml.losses.shapes import Field, Pictures, Sums
from vtagml.losses.unknown import full_precision, known
from vtagml.metrics.collection import collect
from vtagml.metrics.depth_errors import (
    AbsoluteRelativeError,
    ImageRootMeanSquareError,
    RootMeanSquareError,
    WithinRatio,
)
from vtagml.metrics.depth_range import DepthRange
from vtagml.metrics.unit import Unit, percent
from vtagml.tasks.palette import on_ramp
from vtagml.tasks.task import Span, Task


class Depth(Task):
    """Distance along the optical axis in metres; NaN is unknown.

    The map becomes depth in units of `scale` by a softplus, which is positive and linear where
    depth is large. The loss is the rotated ℓ1 in the same units. Metrics: `rmse` over all pixels
    and `rmse_image`, the mean of the images' own, both in metres; `abs_rel`; `delta1`, the share of
    pixels within a factor 1.25.

    Pictures show the logarithm of depth, near bright, on a scale that depends on no image, so that
    predictions, targets and epochs can be compared.

    Args:
        weight: Fixed weight of the loss.
        name: Key of the task in samples, outputs and logs.
        minimum: Smallest depth in metres that the metrics count; None for no limit. Predictions
            are clamped to the limits for the metrics, the loss sees all known pixels.
        maximum: Largest depth in metres that the metrics count; None for no limit.
        pictured: Ends of the picture's colour scale in metres; the default suits rooms and streets.
        scale: A typical depth in metres. Optimisers like Adam move outputs by as much as the
            learning rate says: with 1 m, a street's 20 m are far off and their loss drowns others.
    """

    headline = "rmse"
    higher_is_better = False
    units: ClassVar = {
        "rmse": Unit("RMSE m"),
        "rmse_image": Unit("RMSE of an image m"),
        "delta1": percent("δ < 1.25"),
    }
    letter = "D"
    unit = "m"

    def __init__(
        self,
        weight: float = 1.0,
        name: str = "depth",
        minimum: float | None = None,
        maximum: float | None = None,
        pictured: tuple[float, float] = (0.3, 100.0),
        scale: float = 1.0,
    ) -> None:
        super().__init__(name, channels=1, weight=weight)
        if not (scale > 0 and math.isfinite(scale)):
            raise ValueError(f"`scale` must be a positive number of metres, found {scale}.")
        self.scale = scale
        if not 0 < pictured[0] < pictured[1] < math.inf:
            raise ValueError(f"`pictured` must rise from above 0 m to an end, found {pictured}.")
        self.pictured = pictured
        self.distances = DepthRange(minimum, maximum)

    def predict(self, map: Field) -> Field:
        return self.scale * functional.softplus(full_precision(map))

    def code(self, span: Span | None = None) -> Callable[[Field], Field]:
        """Depth in shares of the range."""
        if span is None or not span[0] < span[1]:
            raise ValueError(
                f"`ranges` must give the source's smallest and largest depth in metres for "
                f"{self.name}, found {span}: for example `ranges: {{{self.name}: [0, 80]}}`."
            )
        return partial(self._share, span)

    def _share(self, span: Span, map: Field) -> Field:
        # Not clamped: a prediction beyond the range must still get a gradient that brings it back.
        return (self.predict(map) - span[0]) / (span[1] - span[0])

    def loss(self, map: Field, target: Field) -> Sums:
        total, count = rotated_l1(self.predict(map), target)
        return total / self.scale, count

    def count(self, target: Field) -> Int[Tensor, ""]:
        return known(target[..., 1:-1, 1:-1]).sum()

    def metrics(self) -> MetricCollection:
        return collect(
            {
                "rmse": RootMeanSquareError(self.distances),
                "rmse_image": ImageRootMeanSquareError(self.distances),
                "abs_rel": AbsoluteRelativeError(self.distances),
                "delta1": WithinRatio(1.25, self.distances),
            }
        )

    def comparable(self) -> dict[str, Any]:
        limits = self.distances
        return {
            "unit": self.unit,
            "smallest depth": limits.minimum,
            "largest depth": limits.maximum,
        }

    def picture(self, prediction: Field) -> Pictures:
        near, far = self.pictured
        metres = torch.where(known(prediction), prediction, torch.nan).float().clamp(near, far)
        return on_ramp((far / metres).log() / math.log(far / near))
