"""Where the time of a training step goes, and how it grows with the number of tasks."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from datamodules import Scenes
from tests.benchmarks.bench import CLEARLY, Bench
from tests.benchmarks.test_training_step import BATCH, METHODS, SIDE, batch, module, step
from vtagml.affinity import TROA, Uniform
from vtagml.encoders import VMT, Encoder
from vtagml.module import MultitaskModule
from vtagml.parameters import parameter_groups
from vtagml.tasks import Depth

ROUNDS = 5


def backward(outputs: Mapping[str, list[Tensor]]) -> None:
    """Sends a gradient of ones into all that is differentiated."""
    moved = [each for own in outputs.values() for each in own if each.requires_grad]
    torch.autograd.backward(moved, [torch.ones_like(each) for each in moved])


def leaves(outputs: Mapping[str, list[Tensor]]) -> dict[str, list[Tensor]]:
    return {
        name: [each.detach().requires_grad_(each.requires_grad) for each in own]
        for name, own in outputs.items()
    }


def reading(folder: Path) -> Callable[[], None]:
    """A batch of rooms from files that were rendered before, as a loader's worker reads it."""
    settings = {"train": BATCH, "val": 1, "test": 1, "image_size": (SIDE, SIDE)}
    data = Scenes(cache=str(folder), batch_size=BATCH, workers=0, **settings)
    data.prepare_data()
    data.setup("fit")
    loader = data.train_dataloader()

    def run() -> None:
        for _ in loader:
            pass

    return run


def parts(model: MultitaskModule) -> dict[str, Callable[[], None]]:
    """The step of a module, and each part of it alone, forward and backward."""
    data, network = batch(), model.network
    image, omega = data["image"], network.affinity.omega
    pyramids = leaves(network.encoder(image, omega))
    maps = leaves({name: [own] for name, own in network.decoders(pyramids, image).items()})
    optimizer = torch.optim.AdamW(parameter_groups(network.decoders, network.encoder), lr=1e-3)
    backbone: nn.Module = network.encoder.backbone  # type: ignore[assignment]

    def frozen() -> None:
        with torch.no_grad():
            backbone(image)

    def encode() -> None:
        backward(network.encoder(image, omega))
        network.take_gram()

    def decode() -> None:
        backward({name: [own] for name, own in network.decoders(pyramids, image).items()})

    def lose() -> None:
        pairs = [task.loss(maps[name][0], data[name]) for name, task in model.tasks.items()]
        torch.stack([sum / count for sum, count in pairs]).sum().backward()

    return {
        "whole step": step(model),
        "the backbone's forward, without what its encoder adds": frozen,
        "encoder, forward alone": lambda: network.encoder(image, omega),
        "encoder": encode,
        "decoders": decode,
        "losses": lose,
        "optimiser": optimizer.step,
    }


@pytest.mark.parametrize("method", METHODS)
def test_parts(method: str, bench: Bench, tmp_path: Path) -> None:
    ratios = bench.time(
        f"parts of a training step, {method} / whole step",
        parts(module(*METHODS[method])) | {"data, in a worker beside it": reading(tmp_path)},
        ROUNDS,
    )
    behind = ratios["encoder"] + ratios["decoders"] + ratios["losses"] + ratios["optimiser"]
    assert 0.5 < behind < 2, "the parts are not those of the step"


def of_many_tasks(encoder: Callable[..., Encoder], tasks: int) -> Callable[[], None]:
    """A step of as many tasks of one kind, so that only their number differs."""
    names = [f"depth_{number}" for number in range(tasks)]
    model = module(encoder, TROA, [Depth(name=name) for name in names])
    depth = 1 + torch.rand(2, 1, SIDE, SIDE)
    return step(model, {"image": torch.rand(2, 3, SIDE, SIDE), **dict.fromkeys(names, depth)})


@pytest.mark.parametrize("tasks", [2, 4, 8])
def test_tasks(tasks: int, bench: Bench) -> None:
    methods = METHODS | {"VMT-Adapter": (VMT, Uniform)}
    ratios = bench.time(
        f"training step of {tasks} tasks by method / full fine-tuning",
        {name: of_many_tasks(encoder, tasks) for name, (encoder, _) in methods.items()},
        ROUNDS,
    )
    assert ratios["frozen, decoders only"] < 1 / CLEARLY, "what is frozen is differentiated"
