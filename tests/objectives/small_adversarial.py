"""An adversarial module and two domains small enough to train in a moment."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from datamodules import Adaptation
from tests.fakes.holes import CLASSES, Holes
from vtagml.affinity import TROA
from vtagml.backbone import Backbone
from vtagml.compute import Compute
from vtagml.decoders import ConvDecoder, PerTask
from vtagml.encoders import Shared
from vtagml.module import MultitaskModule
from vtagml.objectives import Adversarial, Discriminator
from vtagml.tasks import Depth, Edges, Normals, Segmentation, Task

RANGES = {"depth": (0.0, 10.0)}
BATCHES = 3  # of an epoch of `domains`


class StridedBackbone(Backbone):
    """Four maps by strided convolutions: all that an encoder asks of a backbone."""

    def __init__(self) -> None:
        super().__init__((4, 4, 4, 4))
        self.stem = nn.Conv2d(3, 4, 4, stride=4)
        self.downs = nn.ModuleList(nn.Conv2d(4, 4, 2, stride=2) for _ in range(3))

    def forward(self, image: Tensor) -> list[Tensor]:
        pyramid = [self.stem(image.to(self.stem.weight))]
        for down in self.downs:
            pyramid.append(down(pyramid[-1]))
        return pyramid


def full(tasks: Sequence[str]) -> Shared:
    return Shared(tasks, StridedBackbone())


def narrow(outputs: Mapping[str, int], channels: Sequence[int]) -> PerTask:
    return PerTask(outputs, channels, lambda levels, count: ConvDecoder(levels, count, width=16))


def thin(channels: int) -> Discriminator:
    return Discriminator(channels, (8, 8, 8, 8))


def troa(tasks: Sequence[str]) -> TROA:
    return TROA(tasks, start=0, every=1)


def adam(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=0.01)


def dense_tasks() -> list[Task]:
    return [Segmentation(CLASSES), Depth(scale=5.0), Normals(), Edges()]


def plain(**settings: Any) -> MultitaskModule:
    torch.manual_seed(0)
    # Maps are made together, as discriminators need them: sums are the same to the last bit.
    compute = Compute(in_turn=False)
    settings = {"encoder": full, "affinity": troa, "optimizer": adam, "compute": compute} | settings
    return MultitaskModule(dense_tasks(), decoders=narrow, **settings)


def adversarial(
    kind: type[Adversarial] = Adversarial,
    judged: Mapping[str, Any] | None = None,
    **settings: Any,
) -> MultitaskModule:
    """With λ = 1 unless `judged`, the settings of the objective, says otherwise."""
    torch.manual_seed(0)
    settings = {"encoder": full, "affinity": troa, "optimizer": adam} | settings
    own: dict[str, Any] = {"weight": 1.0, "ranges": RANGES, "discriminator": thin}
    own |= judged or {}
    return MultitaskModule(
        dense_tasks(), decoders=narrow, objective=lambda tasks: kind(tasks, **own), **settings
    )


def domains(target: Holes | None = None, batch_size: int = 4) -> Adaptation:
    return Adaptation(
        Holes(batch_size=batch_size, workers=0),
        target or Holes(batch_size=batch_size, workers=0, seed=1),
    )


def network_state(module: MultitaskModule) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in module.network.state_dict().items()}
