"""Surface normals."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import MetricCollection

from vtagml.losses.masked_l1 import masked_l1
from vtagml.losses.unknown import full_precision, known
from vtagml.metrics.angular_error import AngularError, MedianAngularError, WithinAngle
from vtagml.metrics.collection import collect
from vtagml.tasks.palette import UNKNOWN_GREY
from vtagml.tasks.prior import MeanDirectionPrior
from vtagml.tasks.task import Task

SHORT = 1e-3
"""Vectors below this length are not scaled to unit length in the loss, see `direction`."""


class Normals(Task):
    """Unit normals in camera coordinates (x right, y down, z into the scene); NaN is unknown.

    The prediction is the map scaled to unit length; a zero vector faces the camera. The loss is
    the ℓ1 between that and the target, averaged over the three components and counted per pixel.
    It is taken after the scaling, because the length of the map means nothing to the prediction:
    a loss before it would pull all lengths to one and punish right directions.

    Metrics: `merr`, the mean angle in degrees over all pixels; `median`; `within_11`, `within_22`
    and `within_30`, the shares of pixels within 11.25, 22.5 and 30 degrees.

    Pictures show x as red, y up as green and what faces the camera as blue.

    Args:
        weight: Fixed weight of the loss.
        name: Key of the task in samples, outputs and logs.
    """

    headline = "merr"
    higher_is_better = False

    def __init__(self, weight: float = 1.0, name: str = "normals") -> None:
        super().__init__(name, channels=3, weight=weight)

    def predict(
        self, map: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 height width"]:
        map = full_precision(map)
        length = map.norm(dim=1, keepdim=True)
        camera = map.new_tensor([0.0, 0.0, -1.0])[:, None, None]
        # Divided by one instead of by zero, so that gradients through here are finite too.
        unit = map / torch.where(length > 0, length, 1.0)
        return torch.where(length > 0, unit, camera)

    def averaged(
        self, maps: Sequence[Float[Tensor, "batch 3 height width"]]
    ) -> Float[Tensor, "batch 3 height width"]:
        """The mean direction, of length one."""
        return self.predict(super().averaged(maps))

    def mirrored(
        self, map: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 height width"]:
        return super().mirrored(map) * map.new_tensor([-1.0, 1.0, 1.0])[:, None, None]

    def loss(
        self,
        map: Float[Tensor, "batch 3 height width"],
        target: Float[Tensor, "batch 3 height width"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        return masked_l1(direction(map), target)

    def metrics(self) -> MetricCollection:
        return collect(
            {
                "merr": AngularError(),
                "median": MedianAngularError(),
                "within_11": WithinAngle(11.25),
                "within_22": WithinAngle(22.5),
                "within_30": WithinAngle(30.0),
            }
        )

    def prior(self) -> MeanDirectionPrior:
        return MeanDirectionPrior()

    def picture(
        self, prediction: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 height width"]:
        # y points down and z into the scene; colours are read with y up and z towards the eye.
        axes = prediction.new_tensor([1.0, -1.0, -1.0])[:, None, None]
        colours = ((axes * prediction + 1) / 2).clamp(0, 1)
        return torch.where(known(prediction), colours, UNKNOWN_GREY).float()


def direction(
    map: Float[Tensor, "batch 3 height width"],
) -> Float[Tensor, "batch 3 height width"]:
    """Vectors scaled to unit length, with gradients that stay bounded near the zero vector.

    The gradient of a direction grows with the inverse of the length, so vectors shorter than
    1e-3 are multiplied by 1000 instead.
    """
    map = full_precision(map)
    square = map.square().sum(dim=1, keepdim=True)
    return map * square.clamp(min=SHORT**2).rsqrt()
