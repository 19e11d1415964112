"""What a training step costs: TROA, its expensive alternative, adapters, full fine-tuning."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.benchmarks.bench import CLEARLY, Bench
from vtagml.adapters import LiteralVisionAdapter
from vtagml.affinity import TROA, Uniform, forks
from vtagml.backbone import Backbone, SwinV2Nano
from vtagml.compute import Compute
from vtagml.decoders import ConvDecoder, Decoder, PerTask, SwinDecoder
from vtagml.encoders import VTAGML, Encoder, Shared, SideVTAGML
from vtagml.module import MultitaskModule
from vtagml.parameters import parameter_groups
from vtagml.tasks import Depth, Edges, Normals, Segmentation, Task
from vtagml.tuning import BottleneckAdapter, Frozen

SIDE, BATCH, CLASSES = 128, 8, 8
BLOCKS = [(3, 3), (3, 4), (3, 5), (3, 6), (4, 1), (4, 2)]  # VTAGML's on this backbone


def module(
    encoder: Callable[..., Encoder],
    affinity: Any = Uniform,
    tasks: list[Task] | None = None,
    backbone: Callable[[], Backbone] = SwinV2Nano,
    decoder: Callable[..., Decoder] = ConvDecoder,
    in_turn: bool = True,
) -> MultitaskModule:
    model = MultitaskModule(
        tasks or [Segmentation(CLASSES), Depth(), Normals(), Edges()],
        lambda tasks: encoder(tasks, backbone()),
        lambda outputs, channels: PerTask(outputs, channels, decoder),
        affinity,
        compute=Compute(in_turn=in_turn),
    )
    model.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    return model


def batch(count: int = BATCH, size: tuple[int, int] = (SIDE, SIDE)) -> dict[str, Tensor]:
    return {
        "image": torch.rand(count, 3, *size),
        "segmentation": torch.randint(0, CLASSES, (count, *size)),
        "depth": 1 + torch.rand(count, 1, *size),
        "normals": torch.nn.functional.normalize(torch.randn(count, 3, *size), dim=1),
        "edges": torch.rand(count, 1, *size),
    }


def step(model: MultitaskModule, data: dict[str, Tensor] | None = None) -> Callable[[], None]:
    """An optimiser step as the Trainer does it, without the Trainer."""
    data = data or batch()
    optimizer = torch.optim.AdamW(
        parameter_groups(model.network.decoders, model.network.encoder), lr=1e-3
    )

    def run() -> None:
        model.training_step(data, 0).backward()
        model.on_before_optimizer_step(optimizer)
        optimizer.step()
        optimizer.zero_grad()

    return run


def parameter_cosines(model: MultitaskModule) -> Callable[[], None]:
    """The expensive affinity: a backward per task down to the adapters' parameters."""
    data = batch()
    parameters = [each for each in model.network.encoder.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(
        parameter_groups(model.network.decoders, model.network.encoder), lr=1e-3
    )

    def run() -> None:
        losses = model.objective(model.network, data).tasks
        for loss in losses:
            torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        losses.sum().backward()
        model.network.take_gram()
        optimizer.step()
        optimizer.zero_grad()

    return run


def without_capture(**settings: Any) -> MultitaskModule:
    model = module(VTAGML, **settings)
    for fork in forks(model.network):
        fork.eval()
    return model


def test_troa(bench: Bench) -> None:
    dear = "gradients of the parameters, task by task"
    ratios = bench.time(
        "training step, VTAGML / uniform weights, nothing captured",
        {
            "uniform weights, nothing captured": step(without_capture()),
            "the same again (what noise looks like)": step(without_capture()),
            "TROA, captured at the fork": step(module(VTAGML, TROA)),
            dear: parameter_cosines(module(VTAGML)),
        },
    )
    troa = ratios["TROA, captured at the fork"]
    assert troa < CLEARLY, "the fork costs as much as something that is computed"
    assert troa < ratios[dear] / CLEARLY, "a backward per task would cost no more than the fork"


@pytest.mark.filterwarnings("ignore")  # of the profiler
def test_memory(bench: Bench) -> None:
    recomputed = partial(VTAGML, checkpointing=True)
    ratios = bench.memory(
        "training step, VTAGML / uniform weights, nothing captured",
        {
            "uniform weights, nothing captured": step(without_capture()),
            "TROA, captured at the fork": step(module(VTAGML, TROA)),
            "TROA, blocks computed again in the backward": step(module(recomputed, TROA)),
            "full fine-tuning": step(module(Shared)),
        },
    )
    _, troa, again, _ = ratios.values()
    assert troa < CLEARLY, "the fork keeps more than it has to"
    assert again < troa / CLEARLY, "what is computed again is kept all the same"


decoders = pytest.mark.parametrize("decoder", [ConvDecoder, SwinDecoder])


@decoders
def test_branches_in_turn(decoder: type[Decoder], bench: Bench) -> None:
    together = partial(without_capture, decoder=decoder, in_turn=False)
    own = "uniform weights, branches in turn"
    ratios = bench.time(
        f"training step with a {decoder.__name__} per task / branches together",
        {
            "uniform weights, branches together": step(together()),
            "the same again (what noise looks like)": step(together()),
            own: step(without_capture(decoder=decoder)),
            "TROA, branches in turn": step(module(VTAGML, TROA, decoder=decoder)),
        },
    )
    assert ratios[own] < CLEARLY, "something is computed twice"


@pytest.mark.filterwarnings("ignore")  # of the profiler
@decoders
def test_memory_of_branches_in_turn(decoder: type[Decoder], bench: Bench) -> None:
    of = partial(module, decoder=decoder)
    recomputed = partial(VTAGML, checkpointing=True)
    ratios = bench.memory(
        f"training step with a {decoder.__name__} per task / branches together",
        {
            "branches together": step(without_capture(decoder=decoder, in_turn=False)),
            "branches in turn": step(without_capture(decoder=decoder)),
            "branches in turn, TROA": step(of(VTAGML, TROA)),
            "branches together, checkpointing": step(of(recomputed, TROA, in_turn=False)),
            "branches in turn, checkpointing": step(of(recomputed, TROA)),
        },
    )
    _, own, _, one, both = ratios.values()
    assert own < 1 / CLEARLY, "activations of other branches are kept"
    assert both < one / CLEARLY, "activations of other branches are kept"


METHODS: dict[str, tuple[Callable[..., Encoder], Any]] = {
    "full fine-tuning": (Shared, Uniform),
    "VTAGML with TROA": (VTAGML, TROA),
    "VTAGML with TROA, wired as Fig. 3": (partial(VTAGML, adapter=LiteralVisionAdapter), TROA),
    "VTAGML beside the backbone, with TROA": (SideVTAGML, TROA),
    "plain adapters": (partial(Shared, tuning=BottleneckAdapter(BLOCKS)), Uniform),
    "frozen, decoders only": (partial(Shared, tuning=Frozen()), Uniform),
}


def test_methods(bench: Bench) -> None:
    ratios = bench.time(
        "training step by method / full fine-tuning of the same backbone",
        {name: step(module(*method)) for name, method in METHODS.items()},
    )
    _, inside, _, side, plain, frozen = ratios.values()
    assert side < inside / CLEARLY, "frozen blocks run for every task"
    assert frozen < 1 / CLEARLY, "something of the frozen backbone is differentiated"
    assert frozen < CLEARLY * plain < CLEARLY * CLEARLY, "adapters cost more than all weights"


@pytest.mark.filterwarnings("ignore")  # of the profiler
def test_memory_of_methods(bench: Bench) -> None:
    ratios = bench.memory(
        "training step by method / full fine-tuning of the same backbone",
        {name: step(module(*method)) for name, method in METHODS.items()},
    )
    _, inside, _, side, *_ = ratios.values()
    assert side < inside / CLEARLY, "frozen blocks keep something for the backward"
