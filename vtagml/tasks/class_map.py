"""From the classes that a model was trained on to those of the data it is evaluated on."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vtagml.losses.unknown import UNKNOWN_CLASS, full_precision
from vtagml.tasks.labels import Labels, WideLabels


@dataclass(frozen=True)
class ClassMap:
    """Which of a model's classes make up each class of the data.

    A class of the data is as likely as its members together: p(vehicle) = p(car) + p(truck) + … .
    The model's classes that have no place in the data are left out, as pixels with such a label
    are, and the rest of the probability counts; classes of the data without a member are never
    predicted, which the metrics count as an error and the loss, which cannot teach it, as unknown.

    Note:
        The field mostly maps the class of the largest score. A pixel that is car to 0.3, truck to
        0.25 and building to 0.45 is then a building, although a vehicle is likelier. It also keeps
        left-out classes as wrong answers, for example wall, fence and pole of 16 classes when 13
        are evaluated ("mIoU*"); a little less than what is measured here.

    Attributes:
        trained: Names of the model's classes.
        wanted: Names of the data's.
        members: For each of the data's classes, ids of the model's.
    """

    trained: tuple[str, ...]
    wanted: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]

    @classmethod
    def between(cls, trained: Sequence[str], labels: Labels) -> "ClassMap":
        """The map by name: to the class of the same name, else to the wider one that holds it.

        As many classes without a name in common are taken for the same ones under other names.

        Raises:
            ValueError: No name is in common, and the numbers differ.
        """
        wider = labels.members if isinstance(labels, WideLabels) else {}
        homes = {part: name for name, parts in wider.items() for part in parts}
        homes |= {name: name for name in labels.names}
        members = tuple(
            tuple(index for index, own in enumerate(trained) if homes.get(own) == name)
            for name in labels.names
        )
        if not any(members) and len(trained) == len(labels.names):
            members = tuple((id,) for id in range(len(trained)))
        if not any(members):
            raise ValueError(
                f"None of the model's {len(trained)} classes ({few(trained)}) is, by its name, one"
                f" of the {len(labels.names)} classes of the data ({few(labels.names)}): its"
                " predictions mean nothing there. Choose data with classes in common."
            )
        return cls(tuple(trained), tuple(labels.names), members)

    def scores(
        self, map: Float[Tensor, "batch channels *size"]
    ) -> Float[Tensor, "batch classes *size"]:
        """Scores of the data's classes: log of the summed probabilities, up to a constant."""
        map = full_precision(map)
        never = map.new_full((), -torch.inf).expand_as(map[:, 0])
        each = [map[:, list(ids)].logsumexp(dim=1) if ids else never for ids in self.members]
        return torch.stack(each, dim=1)

    def learnable(self, target: Int[Tensor, "batch *size"]) -> Int[Tensor, "batch *size"]:
        """The target, unknown where it is of a class that is never predicted."""
        never = [id for id, ids in enumerate(self.members) if not ids]
        return torch.where(torch.isin(target, target.new_tensor(never)), UNKNOWN_CLASS, target)

    def __str__(self) -> str:
        used = {id for ids in self.members for id in ids}
        joined = [
            f"{name} = {' + '.join(self.trained[id] for id in ids)}"
            for name, ids in zip(self.wanted, self.members, strict=True)
            if [self.trained[id] for id in ids] not in ([], [name])
        ]
        left = [name for id, name in enumerate(self.trained) if id not in used]
        never = [name for name, ids in zip(self.wanted, self.members, strict=True) if not ids]
        said = {"joined": joined, "left out": left, "never predicted": never}
        listed = "; ".join(f"{what}: {', '.join(names)}" for what, names in said.items() if names)
        head = f"{len(self.trained)} classes are read as the data's {len(self.wanted)}"
        return f"{head} ({listed})" if listed else head


def few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
