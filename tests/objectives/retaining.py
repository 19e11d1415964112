"""Three sets with one head over all their classes, batches of which each image knows one task."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules import DenseDataModule, Labels, Source
from tests.fakes.backbones import TinyViT, awake
from tests.fakes.holes import SIDE
from tests.objectives.small_adversarial import adam, full
from vtagml.decoders import OneHead, PooledLinear
from vtagml.encoders import Shared
from vtagml.experts import RandomGroups
from vtagml.module import MultitaskModule
from vtagml.network import EncoderOfTasks
from vtagml.objectives import Objective, QualityRetaining
from vtagml.tasks import Task, UnitedClassification
from vtagml.tuning import MoEfiedLoRA

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


class Sets(DenseDataModule):
    """Random images, of which each knows its class in one of the sets."""

    offers = NAMES

    @property
    def labels(self) -> dict[str, Labels]:
        return {
            name: Labels.spread([f"{name} {index}" for index in range(classes)])
            for name, classes in CLASSES.items()
        }

    def source(self, split: str) -> Source[int]:
        return Source(range(12) if split == "train" else range(20, 25), image_of_a_set)

    def default_augment(self) -> Sequence[Any]:
        return []


def image_of_a_set(index: int, tasks: Sequence[str]) -> dict[str, Any]:
    random = np.random.default_rng(index)
    name = NAMES[random.integers(len(NAMES))]
    known = {task: np.uint8(255) for task in tasks} | {name: random.integers(CLASSES[name])}
    image = random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    return {"image": image, "name": f"sample-{index}"} | {
        task: np.asarray(known[task], np.uint8) for task in tasks
    }


def experts(tasks: Sequence[str]) -> Shared:
    """EMTAL's network."""
    return Shared(tasks, awake(TinyViT((SIDE, SIDE))), MoEfiedLoRA(4, 2, RandomGroups()))


def retaining(
    kind: type[Objective] = QualityRetaining, encoder: EncoderOfTasks = full, **settings: Any
) -> MultitaskModule:
    """A network of one head that learns the sets."""
    torch.manual_seed(0)
    return MultitaskModule(
        list(united().values()),
        encoder,
        lambda outputs, channels: OneHead(outputs, channels, PooledLinear),
        optimizer=adam,
        objective=lambda tasks: kind(tasks, **settings),
    )
