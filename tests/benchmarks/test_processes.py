"""How much faster two processes train than one, and what TROA costs among them."""

import json
import os
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader

from tests.benchmarks.bench import CLEARLY, Bench
from tests.benchmarks.test_training_step import BATCH, batch, module
from tests.fakes.trainers import trainer
from vtagml.affinity import TROA, Uniform
from vtagml.encoders import VTAGML

WARMUP, STEPS, ROUNDS = 3, 8, 3


class Clock(Callback):
    """When each step ended but the first ones, in a file, since ranks are processes of their own.

    Args:
        file: Where they go.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.ends = file, list[float]()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.ends.append(time.perf_counter())

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            self.file.write_text(json.dumps(self.ends[WARMUP:]))


def milliseconds_per_image(ranks: int, affinity: Any, folder: Path) -> float:
    """Median over the steps of a run, by the images of all ranks."""
    torch.manual_seed(0)
    sample = {name: maps[0] for name, maps in batch(1).items()}
    file = folder / "ends.json"
    steps = WARMUP + STEPS
    data = DataLoader([sample] * BATCH * steps, BATCH)  # type: ignore[arg-type]
    settings = {"max_steps": steps, "callbacks": [Clock(file)], "use_distributed_sampler": False}
    trainer(folder, ranks, **settings).fit(module(VTAGML, affinity), data)
    ends = json.loads(file.read_text())
    taken = sorted(end - start for start, end in pairwise(ends))
    return 1000 * taken[len(taken) // 2] / (BATCH * ranks)


@pytest.mark.filterwarnings("ignore")  # Lightning's, of loaders without workers
def test_processes(tmp_path: Path, bench: Bench) -> None:
    alternatives = {
        "one process, uniform weights": (1, Uniform),
        "one process, TROA": (1, TROA),
        "two processes, uniform weights": (2, Uniform),
        "two processes, TROA": (2, TROA),
    }
    found: dict[str, list[float]] = {name: [] for name in alternatives}
    for _ in range(ROUNDS):
        for name, alternative in alternatives.items():
            found[name].append(milliseconds_per_image(*alternative, tmp_path))
    ratios = bench.found(
        f"training VTAGML, {BATCH} images a process, time per image / one process, uniform",
        "ms",
        found,
    )
    _, _, two, troa = ratios.values()
    if (os.cpu_count() or 1) > 1:
        assert two < 1 / CLEARLY, "the second process is for nothing"
    assert troa < CLEARLY * two, "ranks wait for TROA"
