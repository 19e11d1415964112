import time
from pathlib import Path
from typing import Any

import pytest
import torch

from vtagml.callbacks import Throughput


def run(
    toy: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: list[float]
) -> Throughput:
    callback, trainer = Throughput(every=1, window=3, warmup=2), toy.trainer(folder, [])
    module, batch = toy.Module(), {"image": torch.zeros(8, 3, 1, 1)}
    now = 0.0
    for wait in seconds:
        now += wait
        monkeypatch.setattr(time, "perf_counter", lambda now=now: now)
        callback.on_train_batch_end(trainer, module, None, batch, 0)
    return callback


def test_median_over_the_window_after_the_first_batches(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two batches of warm-up, then one that leaves the window, then 1, 20 and 2 seconds.
    callback = run(toy, tmp_path, monkeypatch, [9, 9, 50, 1, 20, 2])
    found = callback.numbers(world_size=3, device=torch.device("cpu"))
    assert found["throughput/batch_seconds"] == pytest.approx(2.0)
    assert found["throughput/images_per_second"] == pytest.approx(3 * 8 / 2)
    assert "throughput/peak_memory_mib" not in found


def test_validation_does_not_count(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = run(toy, tmp_path, monkeypatch, [1, 1, 1, 1])
    before = len(callback.batches)
    callback.on_validation_end(toy.trainer(tmp_path, []), toy.Module())
    monkeypatch.setattr(time, "perf_counter", lambda: 100.0)
    callback.on_train_batch_end(
        toy.trainer(tmp_path, []), toy.Module(), None, {"image": torch.zeros(8, 3, 1, 1)}, 0
    )
    assert len(callback.batches) == before
