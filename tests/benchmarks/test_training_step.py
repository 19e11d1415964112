"""What a training step costs: TROA, its expensive alternative, adapters, full fine-tuning."""

import json
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.benchmarks.interleaved import CLEARLY, compare
from vtagml.affinity import TROA, Uniform, forks
from vtagml.backbone import SwinV2Nano
from vtagml.decoders import ConvDecoder, PerTask
from vtagml.encoders import VTAGML, Encoder, Shared, SideVTAGML
from vtagml.module import MultitaskModule
from vtagml.parameters import parameter_groups
from vtagml.tasks import Depth, Edges, Normals, Segmentation
from vtagml.tuning import BottleneckAdapter, Frozen

SIDE, BATCH, CLASSES = 128, 8, 8
BLOCKS = [(3, 3), (3, 4), (3, 5), (3, 6), (4, 1), (4, 2)]  # VTAGML's on this backbone


def module(encoder: Callable[..., Encoder], affinity: Any = Uniform) -> MultitaskModule:
    model = MultitaskModule(
        [Segmentation(CLASSES), Depth(), Normals(), Edges()],
        lambda tasks: encoder(tasks, SwinV2Nano()),
        lambda outputs, channels: PerTask(outputs, channels, ConvDecoder),
        affinity,
    )
    model.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    return model


def batch() -> dict[str, Tensor]:
    return {
        "image": torch.rand(BATCH, 3, SIDE, SIDE),
        "segmentation": torch.randint(0, CLASSES, (BATCH, SIDE, SIDE)),
        "depth": 1 + torch.rand(BATCH, 1, SIDE, SIDE),
        "normals": torch.nn.functional.normalize(torch.randn(BATCH, 3, SIDE, SIDE), dim=1),
        "edges": torch.rand(BATCH, 1, SIDE, SIDE),
    }


def step(model: MultitaskModule) -> Callable[[], None]:
    """An optimiser step as the Trainer does it, without the Trainer."""
    data = batch()
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


def peak(run: Callable[[], None], trace: Path) -> float:
    """Most memory that a step holds at once beyond what it started with, in MiB."""
    run()
    with torch.profiler.profile(profile_memory=True) as profiler:
        run()
    # The profiler's own list of events leaves out most allocations; the trace has them all.
    profiler.export_chrome_trace(str(trace))
    events = json.loads(trace.read_text())["traceEvents"]
    memory = sorted((e for e in events if e.get("name") == "[memory]"), key=lambda e: e["ts"])
    return max(accumulate(event["args"]["Bytes"] for event in memory)) / 2**20


def without_capture() -> MultitaskModule:
    model = module(VTAGML)
    for fork in forks(model.network):
        fork.eval()
    return model


def test_troa_over_uniform_weights(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ratios = compare(
        benchmark,
        capsys,
        "Training step, VTAGML on SwinV2Nano (time / same step with uniform weights, no capture)",
        {
            "uniform weights, nothing captured": step(without_capture()),
            "the same again (what noise looks like)": step(without_capture()),
            "TROA, captured at the fork": step(module(VTAGML, TROA)),
            "gradients of the parameters, task by task": parameter_cosines(module(VTAGML)),
        },
    )
    troa, dear = ratios["TROA, captured at the fork"], "gradients of the parameters, task by task"
    assert troa < CLEARLY, "the fork costs as much as something that is computed"
    assert troa < ratios[dear] / CLEARLY, "a backward per task would cost no more than the fork"


@pytest.mark.filterwarnings("ignore")  # of the profiler
def test_troa_memory(benchmark: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    plain = peak(step(without_capture()), trace)
    troa = benchmark.pedantic(lambda: peak(step(module(VTAGML, TROA)), trace), rounds=1)
    with capsys.disabled():
        print(f"\nPeak memory of a step, TROA / uniform: {troa / plain:.2f}  ({plain:.0f} MiB)")
    assert troa < CLEARLY * plain, "the fork keeps more than it has to"


@pytest.mark.filterwarnings("ignore")  # of the profiler
def test_checkpointing_memory(
    benchmark: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trace = tmp_path / "trace.json"

    def of(recompute: bool) -> Callable[[], None]:
        return step(module(partial(VTAGML, checkpointing=recompute), TROA))

    kept = peak(of(False), trace)
    recomputed = benchmark.pedantic(lambda: peak(of(True), trace), rounds=1)
    with capsys.disabled():
        print(f"\nPeak memory, checkpointing / kept: {recomputed / kept:.2f}  ({kept:.0f} MiB)")
    assert recomputed < kept / CLEARLY, "what is computed again is kept all the same"


def test_methods(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ratios = compare(
        benchmark,
        capsys,
        "Training step by method (time / full fine-tuning of the same backbone)",
        {
            "full fine-tuning": step(module(Shared)),
            "VTAGML with TROA": step(module(VTAGML, TROA)),
            "VTAGML beside the backbone, with TROA": step(module(SideVTAGML, TROA)),
            "plain adapters": step(module(partial(Shared, tuning=BottleneckAdapter(BLOCKS)))),
            "frozen, decoders only": step(module(partial(Shared, tuning=Frozen()))),
        },
    )
    frozen, plain = ratios["frozen, decoders only"], ratios["plain adapters"]
    side, inside = ratios["VTAGML beside the backbone, with TROA"], ratios["VTAGML with TROA"]
    assert side < inside / CLEARLY, "frozen blocks run for every task"
    assert frozen < 1 / CLEARLY, "something of the frozen backbone is differentiated"
    assert frozen < CLEARLY * plain < CLEARLY * CLEARLY, "adapters cost more than all weights"


@pytest.mark.filterwarnings("ignore")  # of the profiler
def test_side_wiring_memory(
    benchmark: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trace = tmp_path / "trace.json"

    def of(encoder: Callable[..., Encoder], affinity: Any = Uniform) -> float:
        return peak(step(module(encoder, affinity)), trace)

    full, inside = of(Shared), of(VTAGML, TROA)
    frozen = of(partial(Shared, tuning=Frozen()))
    side = benchmark.pedantic(lambda: of(SideVTAGML, TROA), rounds=1)
    with capsys.disabled():
        print(
            f"\nPeak memory of a step / full fine-tuning's ({full:.0f} MiB): "
            f"VTAGML {inside / full:.2f}, beside the backbone {side / full:.2f}, "
            f"decoders only {frozen / full:.2f}"
        )
    assert side < inside / CLEARLY, "frozen blocks keep something for the backward"
