"""Surface normals."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import MetricCollection

from vtagml.losses.masked_l1 import masked_l1
from vtagml.losses.shapes import Directions, Field, Pictures, Sums
from vtagml.losses.unknown import full_precision, known
from vtagml.metrics.angular_error import (
    AngularError,
    MedianAngularError,
    WithinAngle,
    angular_error,
)
from vtagml.metrics.collection import collect
from vtagml.metrics.unit import degrees, percent
from vtagml.tasks.key import Key
from vtagml.tasks.palette import UNKNOWN_GREY
from vtagml.tasks.prior import MeanDirectionPrior
from vtagml.tasks.task import Span, Task

SHORT = 1e-3
"""Vectors below this length are not scaled to unit length in the loss, see `direction`."""
BALL = 96
"""Pixels across the ball that shows what the colours mean."""


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
    units: ClassVar = {
        "merr": degrees("mErr"),
        "median": degrees("median error"),
        "within_11": percent("within 11.25°"),
        "within_22": percent("within 22.5°"),
        "within_30": percent("within 30°"),
    }
    letter = "N"
    error_unit = "°"

    def __init__(self, weight: float = 1.0, name: str = "normals") -> None:
        super().__init__(name, channels=3, weight=weight)

    def predict(self, map: Directions) -> Directions:
        map = full_precision(map)
        length = map.norm(dim=1, keepdim=True)
        camera = map.new_tensor([0.0, 0.0, -1.0])[:, None, None]
        # Divided by one instead of by zero, so that gradients through here are finite too.
        unit = map / torch.where(length > 0, length, 1.0)
        return torch.where(length > 0, unit, camera)

    def averaged(self, maps: Sequence[Directions]) -> Directions:
        """The mean direction, of length one."""
        return self.predict(super().averaged(maps))

    def mirrored(self, map: Directions) -> Directions:
        return super().mirrored(map) * map.new_tensor([-1.0, 1.0, 1.0])[:, None, None]

    def code(self, span: Span | None = None) -> Callable[[Directions], Directions]:
        return direction

    def loss(self, map: Directions, target: Directions) -> Sums:
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

    def picture(self, prediction: Directions) -> Pictures:
        # y points down and z into the scene; colours are read with y up and z towards the eye.
        axes = prediction.new_tensor([1.0, -1.0, -1.0])[:, None, None]
        colours = ((axes * prediction + 1) / 2).clamp(0, 1)
        return torch.where(known(prediction), colours, UNKNOWN_GREY).float()

    def key(self, values: Directions) -> Key:
        return Key([], ball=self.picture(ball()[None])[0])

    def error(self, prediction: Directions, target: Directions) -> Field:
        """The angle in degrees."""
        angle, valid = angular_error(prediction, target)
        return torch.where(valid, angle, torch.nan).float()


def direction(map: Directions) -> Directions:
    """Vectors scaled to unit length, with gradients that stay bounded near the zero vector.

    The gradient of a direction grows with the inverse of the length, so vectors shorter than
    1e-3 are multiplied by 1000 instead.
    """
    map = full_precision(map)
    square = map.square().sum(dim=1, keepdim=True)
    return map * square.clamp(min=SHORT**2).rsqrt()


def ball(side: int = BALL) -> Float[Tensor, "3 side side"]:
    """The normals of a ball seen from the front; NaN around it.

    On its right the normal points right, above it points up, in its middle towards the eye.
    """
    places = (torch.arange(side) + 0.5) * 2 / side - 1
    down, right = torch.meshgrid(places, places, indexing="ij")
    square = 1 - right**2 - down**2
    # x points right, y down and z into the scene: what faces the eye has a negative z.
    normals = torch.stack([right, down, -square.clamp(min=0).sqrt()])
    return torch.where(square > 0, normals, torch.nan)
