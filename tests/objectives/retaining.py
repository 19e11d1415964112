"""Three sets with one head over all their classes, batches of which each image knows one task."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vtagml.objectives import QualityRetaining
from vtagml.tasks import Task, UnitedClassification

CLASSES = {"birds": 3, "cars": 2, "flowers": 4}
TOTAL = sum(CLASSES.values())
NAMES = tuple(CLASSES)
OFFSETS = {"birds": 0, "cars": 3, "flowers": 5}


class Images(NamedTuple):
    """Scores of some images over all classes, the set that each is of, and its id in there."""

    scores: Tensor
    sets: list[int]
    ids: list[int]

    def batch(self, rows: slice = slice(None)) -> dict[str, Any]:
        """As data give it: every image carries every task, the others' labels unknown."""
        count = len(self.ids[rows])
        batch: dict[str, Any] = {"image": torch.zeros(count, 3, 1, 1)}
        for place, name in enumerate(NAMES):
            known = [
                id if of == place else 255
                for id, of in zip(self.ids[rows], self.sets[rows], strict=True)
            ]
            batch[name] = torch.tensor(known, dtype=torch.int64)
        return batch


def images(count: int, seed: int, sets: Sequence[int] = (0, 1, 2)) -> Images:
    random = torch.Generator().manual_seed(seed)
    of = [sets[int(torch.randint(len(sets), (), generator=random))] for _ in range(count)]
    ids = [int(torch.randint(CLASSES[NAMES[each]], (), generator=random)) for each in of]
    return Images(3 * torch.randn(count, TOTAL, generator=random, dtype=torch.float64), of, ids)


def united() -> dict[str, Task]:
    return {
        name: UnitedClassification(name, classes, OFFSETS[name], TOTAL)
        for name, classes in CLASSES.items()
    }


def term(objective: QualityRetaining, scores: Tensor, batch: dict[str, Any]) -> Tensor:
    """What is added to the loss, as the module adds it up."""
    maps = dict.fromkeys(objective.tasks, scores)
    found = objective.retaining(maps, batch)
    return (found.weight * found.value).sum()
