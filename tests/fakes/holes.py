"""A network and data small enough to train in a moment, whose samples know part of their labels."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from datamodules import DenseDataModule, Labels, Source
from tests.fakes.backbones import TinySwinV2, awake
from vtagml.affinity import TROA
from vtagml.decoders import ConvDecoder, PerTask
from vtagml.encoders import VTAGML, Encoder
from vtagml.module import MultitaskModule
from vtagml.tasks import Depth, Edges, Normals, Segmentation

SIDE, CLASSES = 32, 3


class Holes(DenseDataModule):
    """Random samples of which each knows another share of its labels; some know no depth at all."""

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": Labels.spread(["one", "two", "three"])}

    def source(self, split: str) -> Source[int]:
        # Five samples on two or three ranks: the last batches are uneven.
        return Source(range(12) if split == "train" else range(20, 25), holes)

    def default_augment(self) -> Sequence[Any]:
        return []


def holes(index: int, tasks: Sequence[str]) -> dict[str, Any]:
    random = np.random.default_rng(index)
    normals = random.normal(size=(SIDE, SIDE, 3)).astype(np.float32)
    maps = {
        "segmentation": random.integers(0, CLASSES, (SIDE, SIDE)),
        "depth": random.uniform(1, 9, (SIDE, SIDE)).astype(np.float32),
        "normals": normals / np.linalg.norm(normals, axis=2, keepdims=True),
        "edges": random.uniform(0, 1, (SIDE, SIDE)).astype(np.float32),
    }
    unknown = random.uniform(size=(SIDE, SIDE)) < random.uniform(0.1, 0.9)
    maps["segmentation"][unknown] = 255
    maps["depth"][unknown if index % 3 else ...] = np.nan
    maps["normals"][~unknown] = np.nan
    image = random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    return {"image": image, "name": f"sample-{index}"} | {task: maps[task] for task in tasks}


def sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.05)


small_decoder = partial(ConvDecoder, width=16)
small_decoders = partial(PerTask, decoder=small_decoder)


def small_vtagml(encoder: type[Encoder] = VTAGML) -> MultitaskModule:
    torch.manual_seed(0)
    return MultitaskModule(
        [Segmentation(CLASSES), Depth(), Normals(), Edges()],
        lambda tasks: encoder(tasks, awake(TinySwinV2((SIDE, SIDE)))),
        small_decoders,
        lambda tasks: TROA(tasks, start=0, every=1),
        optimizer=sgd,
    )
