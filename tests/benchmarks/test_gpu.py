"""What only a GPU tells: images per second, memory and use of its arithmetic, at Swin-B V2.

Whole steps of four tasks in bfloat16, on images and labels that lie there already.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from tests.benchmarks.bench import CLEARLY, Bench
from tests.benchmarks.conftest import OUT
from tests.benchmarks.test_training_step import batch, module, step
from vtagml.affinity import TROA, Uniform
from vtagml.backbone import SwinV2
from vtagml.compute import Compute
from vtagml.encoders import VMT, VTAGML, Encoder, Shared, SideVTAGML
from vtagml.tuning import BottleneckAdapter, Frozen

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of NVIDIA"),
    pytest.mark.timeout(3000),
]

ARCHITECTURE = "swinv2_base_window8_256"
BATCHES = {(256, 256): 32, (512, 1024): 4}
ROUNDS = 15
ROWS = 40
METHODS: dict[str, tuple[Callable[..., Encoder], Any]] = {
    "full fine-tuning": (Shared, Uniform),
    "VTAGML with TROA": (VTAGML, TROA),
    "VTAGML beside the backbone, with TROA": (SideVTAGML, TROA),
    "plain adapters": (partial(Shared, tuning=BottleneckAdapter()), Uniform),
    "VMT-Adapter": (VMT, Uniform),
    "frozen, decoders only": (partial(Shared, tuning=Frozen()), Uniform),
}
TERAFLOPS = {"H200": 989, "H100": 989, "A100": 312, "L40S": 362, "A10": 125, "4090": 165}
"""Dense bfloat16 by the name of the device, as its maker says; `TERAFLOPS=…` for another."""


def on_gpu(
    method: str, size: tuple[int, int], compiled: bool
) -> tuple[Callable[[], None], Callable[[], None]]:
    """A step that is waited for, and the same one not compiled, whose operations can be counted."""
    model = module(*METHODS[method], backbone=lambda: SwinV2(ARCHITECTURE, size, weights=None))
    model = model.cuda()
    plain = step(model, {name: each.cuda() for name, each in batch(BATCHES[size], size).items()})
    model.network.compile(disable=not compiled)

    def run() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            plain()
        torch.cuda.synchronize()

    def counted() -> None:
        # The counter follows modules by hooks that know nothing of a backward in a forward.
        Compute(in_turn=False).prepare(model.network)
        with torch.compiler.set_stance("force_eager"):
            run()
        Compute().prepare(model.network)

    return run, counted


def operations(run: Callable[[], None]) -> int:
    """Floating-point operations of the products in a call, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def memory(run: Callable[[], None]) -> float:
    """Most memory that the device holds during a call, weights and optimiser included, in GiB."""
    torch.cuda.reset_peak_memory_stats()
    run()
    return torch.cuda.max_memory_allocated() / 2**30


def most(device: str) -> float | None:
    """Operations a second that the device can do."""
    known = [count for name, count in TERAFLOPS.items() if name in device]
    given = os.environ.get("TERAFLOPS", known[0] if known else None)
    return None if given is None else 1e12 * float(given)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("size", BATCHES, ids=lambda size: "x".join(map(str, size)))
def test_swin_b(size: tuple[int, int], compiled: bool, bench: Bench) -> None:
    device = torch.cuda.get_device_name()
    said, alone = {}, {}
    for method in METHODS:  # one after another: side by side they would not fit
        run, counted = on_gpu(method, size, compiled)
        run()
        said[method] = f"{memory(run):.1f} GiB"
        done, able = operations(counted), most(device)
        times = [_seconds(run) for _ in range(ROUNDS)]
        alone[method] = [1000 * each for each in times]
        seconds = sorted(times)[ROUNDS // 2]
        said[method] += f", {BATCHES[size] / seconds:.0f} images/s, {done / 1e12:.1f} TFLOP"
        if able:
            said[method] += f", {done / seconds / able:.0%} of the device's arithmetic"
        if not compiled:
            _keep_profile(run, f"{method} {size[0]}x{size[1]}")
        del run, counted
        torch.cuda.empty_cache()
    title = (
        f"training step at {size[0]} x {size[1]} on {device}, {'compiled' if compiled else 'eager'}"
    )
    ratios = bench.found(f"{title} / full fine-tuning, time", "ms", alone)
    for method, words in said.items():
        bench.note(f"{method}: {words}.")
    assert ratios["frozen, decoders only"] < 1 / CLEARLY, "what is frozen is differentiated"


def _seconds(run: Callable[[], None]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1000


def _keep_profile(run: Callable[[], None], name: str) -> None:
    """Writes where the time goes, by operation."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        run()
    OUT.mkdir(parents=True, exist_ok=True)
    table = profiler.key_averages().table(sort_by="self_cuda_time_total", row_limit=ROWS)
    (OUT / f"profile {name}.txt").write_text(table)
