"""Depth in metres, learned as its inverse."""

from jaxtyping import Int
from torch import Tensor
from torch.nn import functional

from vtagml.losses.berhu import inverse_berhu
from vtagml.losses.shapes import Field, Sums
from vtagml.losses.unknown import full_precision, known
from vtagml.tasks.depth import Depth

FARTHEST = 1000.0
"""Predicted depth ends here in metres: the inverse of an inverse depth of zero is infinite."""


class InverseDepth(Depth):
    """Distance along the optical axis in metres, learned as inverse depth.

    The map becomes inverse depth (1 / m) by a softplus; the prediction is its inverse, at most
    1000 m. The loss is the reverse Huber penalty on inverse depth, as in the authors' released
    scripts, where the paper has the rotated ℓ1 (`Depth`). It weighs near pixels more. Labels,
    metrics and pictures are those of `Depth`, in metres; `scale` has no effect.
    """

    def predict(self, map: Field) -> Field:
        return self._inverse(map).clamp(min=1 / FARTHEST).reciprocal()

    def loss(self, map: Field, target: Field) -> Sums:
        return inverse_berhu(self._inverse(map), target)

    def _inverse(self, map: Field) -> Field:
        return functional.softplus(full_precision(map))

    def count(self, target: Field) -> Int[Tensor, ""]:
        return (known(target) & (target > 0)).sum()
