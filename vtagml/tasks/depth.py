"""Depth in metres."""

import math

import matplotlib
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional
from torchmetrics import MetricCollection

from vtagml.losses.rotated_l1 import rotated_l1
from vtagml.losses.unknown import full_precision, known
from vtagml.metrics.absolute_relative_error import AbsoluteRelativeError
from vtagml.metrics.collection import collect
from vtagml.metrics.depth_range import DepthRange
from vtagml.metrics.root_mean_square_error import ImageRootMeanSquareError, RootMeanSquareError
from vtagml.metrics.within_ratio import WithinRatio
from vtagml.tasks.palette import UNKNOWN_GREY
from vtagml.tasks.prior import MeanPrior
from vtagml.tasks.task import Task


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

    unit = "m"
    headline = "rmse"
    higher_is_better = False

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
        if not 0 < pictured[0] < pictured[1]:
            raise ValueError(f"`pictured` must rise from above 0 m, found {pictured}.")
        self.pictured = pictured
        self.distances = DepthRange(minimum, maximum)

    def predict(
        self, map: Float[Tensor, "batch 1 height width"]
    ) -> Float[Tensor, "batch 1 height width"]:
        return self.scale * functional.softplus(full_precision(map))

    def loss(
        self,
        map: Float[Tensor, "batch 1 height width"],
        target: Float[Tensor, "batch 1 height width"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        total, count = rotated_l1(self.predict(map), target)
        return total / self.scale, count

    def count(self, target: Float[Tensor, "batch 1 height width"]) -> Int[Tensor, ""]:
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

    def prior(self) -> MeanPrior:
        return MeanPrior()

    def picture(
        self, prediction: Float[Tensor, "batch 1 height width"]
    ) -> Float[Tensor, "batch 3 height width"]:
        near, far = self.pictured
        valid = known(prediction)
        metres = torch.where(valid, prediction, 1.0).float().clamp(near, far)
        share = (far / metres).log() / math.log(far / near)
        table = matplotlib.colormaps["viridis"](torch.linspace(0, 1, 256).numpy())[:, :3]
        colours = torch.as_tensor(table, dtype=torch.float32, device=share.device)
        place = (share[:, 0] * (len(colours) - 1)).round().long()
        return torch.where(valid, colours[place].movedim(-1, 1), UNKNOWN_GREY)
