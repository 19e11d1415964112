"""Boundaries between things, which are there or not."""

from collections.abc import Callable
from typing import Any

from vtagml.losses.balanced_bce import weighted_bce
from vtagml.losses.shapes import Field, Sums
from vtagml.losses.unknown import full_precision
from vtagml.tasks.edges import Edges
from vtagml.tasks.task import Span


class Boundaries(Edges):
    """How likely each pixel is to lie on a boundary, in [0, 1]; labels are 0 or 1, NaN is unknown.

    The map becomes a probability by a sigmoid; the loss is the binary cross-entropy in which
    boundaries, a few pixels of a hundred, weigh `share` and all other pixels the rest. Metrics are
    those of `Edges`, whose thresholds part the labels 0 and 1 wherever they are.

    Note:
        The field scores boundaries by odsF, which thins the predictions and lets them be some
        pixels off. Ours compares pixels in place: it is lower, and no odsF.

    Args:
        share: Weight of boundaries in the loss; the field has 0.95 on PASCAL-Context and 0.8 on
            NYUDv2.
        threshold: From which on a pixel is a boundary in `f1_macro`.
        weight: Fixed weight of the loss.
        name: Key of the task in samples, outputs and logs.
    """

    def __init__(
        self,
        share: float = 0.95,
        threshold: float = 0.5,
        weight: float = 1.0,
        name: str = "edges",
    ) -> None:
        super().__init__(threshold, weight, name)
        if not 0 < share < 1:
            raise ValueError(f"`share` of {name} must lie between 0 and 1, found {share}.")
        self.share = share

    def predict(self, map: Field) -> Field:
        return full_precision(map).sigmoid()

    def code(self, span: Span | None = None) -> Callable[[Field], Field]:
        """Probabilities: scores have no range of their own."""
        return self.predict

    def loss(self, map: Field, target: Field) -> Sums:
        return weighted_bce(map, target, self.share)

    def comparable(self) -> dict[str, Any]:
        return super().comparable() | {"labels": "boundaries"}
