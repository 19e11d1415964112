"""Classification of whole images among the classes of all sets."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vtagml.losses.cross_entropy import cross_entropy
from vtagml.losses.shapes import Ids, Sums
from vtagml.losses.unknown import UNKNOWN_CLASS
from vtagml.tasks.categorical import Scores
from vtagml.tasks.classification import Classification
from vtagml.tasks.labels import Labels
from vtagml.tasks.task import Map


class UnitedClassification(Classification):
    """One class id per image of a set, scored among the classes of all sets; 255 is unknown.

    The map has a score for every class of every set, and all tasks may have the same
    (`vtagml.decoders.OneHead`); this set's classes are `offset` to `offset + classes - 1`. The loss
    is the cross-entropy over all classes. The prediction is the class of the largest of all scores:
    one of another set is 255, which no label is, and counts as wrong. So `accuracy` is harder to
    reach here than within the set, and results do not compare with those of `Classification`.

    Labels stay the set's own ids: of 598 classes, EMTAL's four sets, most have no place below 255.

    Args:
        name: Key of the task in samples, outputs and logs, for example "birds".
        classes: Number of this set's classes, without the unknown.
        offset: Number of classes of the sets in front of it.
        total: Number of classes of all sets.
        weight: Fixed weight of the loss.
        smoothing: Share of a label that the loss spreads evenly over all classes.
    """

    def __init__(
        self,
        name: str,
        classes: int,
        offset: int,
        total: int,
        weight: float = 1.0,
        smoothing: float = 0.1,  # EMTAL's code
    ) -> None:
        super().__init__(name, classes, weight, smoothing=smoothing)
        if not 0 <= offset <= total - classes:
            raise ValueError(
                f"`offset` of {name} must be from 0 to {total - classes}, so that its {classes} "
                f"classes are among the `total` of {total}, found {offset}."
            )
        self.channels = total
        self.offset = offset

    @property
    def nameable(self) -> int:
        return self.classes

    def bind(self, labels: Mapping[str, Labels]) -> None:
        super().bind(labels)
        if self.class_map is not None:
            raise ValueError(
                f"`data` must have the classes of {self.name} that the model was trained on, in "
                f"their order, found others: {self.class_map}. One head over the classes of all "
                "sets has no map to other ones: test it on its own data."
            )

    def scores(self, map: Map) -> Scores:
        own, others = self._own_first(map).tensor_split([self.classes], dim=1)
        return torch.cat([own, others.amax(dim=1, keepdim=True)], dim=1) if others.numel() else own

    def predict(self, map: Map) -> Ids:
        own = map.argmax(dim=1) - self.offset
        return torch.where((own >= 0) & (own < self.classes), own, UNKNOWN_CLASS)

    def loss(self, map: Map, target: Ids) -> Sums:
        return cross_entropy(self._own_first(map), target, self.smoothing)

    def cross_entropy(self, map: Map, target: Ids) -> Sums:
        return cross_entropy(self._own_first(map), target)

    def _own_first(self, map: Map) -> Tensor:
        """The scores in an order in which ids are places, so that 255 stays the unknown."""
        return map.roll(-self.offset, dims=1)

    def comparable(self) -> dict[str, Any]:
        return super().comparable() | {"evaluated": f"over all {self.channels} classes"}
