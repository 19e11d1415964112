"""What tasks with classes share."""

from abc import ABC
from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vtagml.losses.cross_entropy import cross_entropy
from vtagml.losses.unknown import UNKNOWN_CLASS
from vtagml.tasks.labels import Labels
from vtagml.tasks.palette import UNKNOWN_GREY, palette
from vtagml.tasks.prior import MajorityPrior
from vtagml.tasks.task import Task


class Categorical(Task, ABC):
    """A task whose labels are class ids; 255 is unknown.

    One channel of the map scores one class, the loss is the cross-entropy, the prediction the
    class of the largest score. Names and colours come from the data (`bind`), else from a fixed
    palette.

    Args:
        name: Key of the task in samples, outputs and logs.
        classes: Number of classes, without the unknown.
        weight: Fixed weight of the loss.
    """

    def __init__(self, name: str, classes: int, weight: float = 1.0) -> None:
        super().__init__(name, channels=classes, weight=weight)
        if not 2 <= classes <= UNKNOWN_CLASS:
            raise ValueError(
                f"`classes` of {name} must be from 2 to {UNKNOWN_CLASS} (id {UNKNOWN_CLASS} is "
                f"unknown), found {classes}: set it to the number of classes of the data."
            )
        self.classes = classes
        self._legend = [(f"class {index}", colour) for index, colour in enumerate(palette(classes))]

    def predict(self, map: Float[Tensor, "batch channels *size"]) -> Int[Tensor, "batch *size"]:
        return map.argmax(dim=1)

    def loss(
        self, map: Float[Tensor, "batch channels *size"], target: Int[Tensor, "batch *size"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        return cross_entropy(map, target)

    def prior(self) -> MajorityPrior:
        return MajorityPrior(self.classes)

    def legend(self) -> list[tuple[str, tuple[float, float, float]]]:
        return list(self._legend)

    def bind(self, labels: Mapping[str, Labels]) -> None:
        if self.name not in labels:
            return
        names, colours = labels[self.name].names, labels[self.name].colours
        if len(names) != self.classes:
            shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
            raise ValueError(
                f"`classes` of {type(self).__name__} ({self.name}) is {self.classes}, but the "
                f"data has {len(names)} classes ({shown}): set `classes: {len(names)}`."
            )
        if len(colours) != len(names):
            raise ValueError(
                f"`labels` of {self.name} must have one colour per class, found {len(colours)} "
                f"colours for {len(names)} classes: correct the labels of the data."
            )
        self._legend = [
            (name, (red / 255, green / 255, blue / 255))
            for name, (red, green, blue) in zip(names, colours, strict=True)
        ]

    def colours(self, ids: Int[Tensor, "batch *size"]) -> Float[Tensor, "batch *size 3"]:
        """The colour of every class id; grey where it is unknown."""
        table = torch.full((UNKNOWN_CLASS + 1, 3), UNKNOWN_GREY)
        table[: self.classes] = torch.tensor([colour for _, colour in self._legend])
        return table.to(ids.device)[ids.long()]
