"""What tasks with classes share."""

import math
from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vtagml.losses.cross_entropy import cross_entropy
from vtagml.losses.shapes import Field, Ids, Sums
from vtagml.losses.unknown import UNKNOWN_CLASS, full_precision, known_classes
from vtagml.tasks.class_map import ClassMap, few
from vtagml.tasks.key import Key, Legend
from vtagml.tasks.labels import Labels
from vtagml.tasks.palette import UNKNOWN_GREY, palette
from vtagml.tasks.prior import MajorityPrior
from vtagml.tasks.task import Map, Span, Task

LEGEND_ENTRIES = 24

Scores: TypeAlias = Float[Tensor, "batch ids *size"]


class Categorical(Task, ABC):
    """A task whose labels are class ids; 255 is unknown.

    One channel of the map scores one class, the loss is the cross-entropy, the prediction the
    class of the largest score. Names and colours come from the data (`bind`), else from a fixed
    palette.

    A model can be evaluated on data with other classes than it was trained on, once it is known
    what its own are called (`names`, or `trained_on`): predictions, loss, metrics and pictures are
    then in the classes of the data (`ClassMap`).

    Args:
        name: Key of the task in samples, outputs and logs.
        classes: Number of classes, without the unknown.
        weight: Fixed weight of the loss.
        names: Names of the classes; by default those of the data.
    """

    def __init__(
        self, name: str, classes: int, weight: float = 1.0, names: Sequence[str] | None = None
    ) -> None:
        super().__init__(name, channels=classes, weight=weight)
        if not 2 <= classes <= UNKNOWN_CLASS:
            raise ValueError(
                f"`classes` of {name} must be from 2 to {UNKNOWN_CLASS} (id {UNKNOWN_CLASS} is "
                f"unknown), found {classes}: set it to the number of classes of the data."
            )
        self.classes = classes
        self.names: tuple[str, ...] | None = None
        self._names_of_data: tuple[str, ...] | None = None
        if names is not None:
            self.trained_on(names)
        self._legend = [(f"class {index}", colour) for index, colour in enumerate(palette(classes))]

    def scores(self, map: Map) -> Scores:
        """Scores by id; where there are classes of other sets, one more, the largest of theirs."""
        return map if self.class_map is None else self.class_map.scores(map)

    def predict(self, map: Map) -> Ids:
        return self.scores(map).argmax(dim=1)

    def averaged(self, maps: Sequence[Map]) -> Ids:
        """The class of the largest mean probability."""
        probabilities = torch.stack([full_precision(map).softmax(dim=1) for map in maps])
        return self.predict(probabilities.mean(dim=0).log())

    def code(self, span: Span | None = None) -> Callable[[Map], Map]:
        return self_information

    def loss(self, map: Map, target: Ids) -> Sums:
        return self.cross_entropy(map, target)

    def cross_entropy(self, map: Map, target: Ids) -> Sums:
        """How surprising the known labels are, whatever else a sibling's loss teaches."""
        if self.class_map is not None:
            map, target = self.class_map.scores(map), self.class_map.learnable(target)
        return cross_entropy(map, target)

    def count(self, target: Ids) -> Int[Tensor, ""]:
        seen = target if self.class_map is None else self.class_map.learnable(target)
        return known_classes(seen).sum()

    def prior(self) -> MajorityPrior:
        return MajorityPrior(self.data_classes)

    def comparable(self) -> dict[str, Any]:
        class_map = None if self.class_map is None else str(self.class_map)
        return {"classes": self.classes, "class map": class_map}

    def legend(self) -> Legend:
        return list(self._legend)

    def key(self, values: Ids) -> Key:
        """The classes that occur: no one reads a legend of forty."""
        shown = set(values.unique().tolist())
        occurs = [entry for index, entry in enumerate(self._legend) if index in shown]
        return Key(occurs[:LEGEND_ENTRIES])

    @property
    def error_unit(self) -> None:
        return None

    def error(self, prediction: Ids, target: Ids) -> Field:
        """1 where the class is wrong, 0 where it is right."""
        wrong = (prediction != target).float()
        return torch.where(known_classes(target), wrong, torch.nan)[:, None]

    def bind(self, labels: Mapping[str, Labels]) -> None:
        self.class_map = None
        if self.name not in labels:
            return
        names, colours = labels[self.name].names, labels[self.name].colours
        if self.names is None and len(names) != self.classes:
            raise ValueError(
                f"`classes` of {type(self).__name__} ({self.name}) is {self.classes}, but the "
                f"data has {len(names)} classes ({few(names)}): set `classes: {len(names)}`. A "
                f"model of {self.classes} classes can be evaluated here by a map of its "
                "predictions: test its checkpoint, which knows what they are called, or set "
                "`names`."
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
        self._names_of_data = tuple(names)
        own = self.names or self._names_of_data
        same = own == self._names_of_data
        self.class_map = None if same else ClassMap.between(own, labels[self.name])

    def trained_on(self, names: Sequence[str]) -> None:
        if len(names) != self.classes or len(set(names)) < len(names):
            raise ValueError(
                f"`names` of {self.name} must be {self.classes} different names, one per class, "
                f"found {len(names)}: {list(names)}."
            )
        self.names = tuple(names)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        return self.names or self._names_of_data

    @property
    def data_classes(self) -> int:
        """Number of classes of labels and predictions."""
        return len(self._legend)

    def colours(self, ids: Ids) -> Float[Tensor, "batch *size 3"]:
        """The colour of every class id; grey where it is unknown."""
        table = torch.full((UNKNOWN_CLASS + 1, 3), UNKNOWN_GREY)
        table[: self.data_classes] = torch.tensor([colour for _, colour in self._legend])
        return table.to(ids.device)[ids.long()]


def self_information(map: Map) -> Map:
    """-p·log p / log C of the classes' probabilities: near zero where the network is sure."""
    logarithms = full_precision(map).log_softmax(dim=1)
    return -logarithms.exp() * logarithms / math.log(map.shape[1])
