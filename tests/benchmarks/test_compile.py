"""What compiling takes before the first step, and what it saves after it, on a CPU."""

import shutil
import time
from pathlib import Path

import pytest
import torch

from tests.benchmarks.bench import CLEARLY, Bench
from tests.benchmarks.test_training_step import METHODS, module, step


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a compiler of C++")
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("method", ["full fine-tuning", "VTAGML with TROA", "plain adapters"])
def test_compile(
    method: str, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What an earlier run had compiled would take no time.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch.compiler.reset()
    model = module(*METHODS[method])
    model.network.compile(backend="inductor")
    compiled = step(model)
    start = time.perf_counter()
    compiled()
    first = time.perf_counter() - start
    ratios = bench.time(
        f"training step, {method}, compiled / eager",
        {"eager": step(module(*METHODS[method])), "compiled": compiled},
    )
    bench.note(f"The first compiled step came after {first:.0f} s.")
    assert ratios["compiled"] < CLEARLY, "compiled, a step takes longer"
