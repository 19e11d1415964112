"""Several real processes train and measure what one process does: same S, ω, weights, metrics."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Trainer
from torch import Tensor

from datamodules import DenseDataModule, Labels, Source
from tests.fakes.backbones import TinySwinV2, awake
from vtagml.affinity import TROA
from vtagml.decoders import ConvDecoder, PerTask
from vtagml.encoders import VTAGML
from vtagml.module import MultitaskModule
from vtagml.tasks import Depth, Edges, Normals, Segmentation

SIDE, CLASSES = 32, 3
MICRO_BATCHES = 2


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


def module() -> MultitaskModule:
    torch.manual_seed(0)
    return MultitaskModule(
        [Segmentation(CLASSES), Depth(), Normals(), Edges()],
        lambda tasks: VTAGML(tasks, awake(TinySwinV2((SIDE, SIDE)))),
        lambda outputs, channels: PerTask(
            outputs, channels, lambda levels, count: ConvDecoder(levels, count, width=16)
        ),
        lambda tasks: TROA(tasks, start=0, every=1),
        optimizer=sgd,
    )


def trained(folder: Path, ranks: int, batch: int) -> tuple[Mapping[str, Tensor], dict[str, float]]:
    """State and test metrics after one epoch."""
    trainer = Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        devices=ranks,
        strategy="ddp_fork" if ranks > 1 else "auto",
        precision="64-true",
        max_epochs=1,
        accumulate_grad_batches=MICRO_BATCHES,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    data = Holes(batch_size=batch, workers=0)
    network = module().double()  # what comes back from other processes is cast to this
    trainer.fit(network, data)
    metrics = trainer.test(network, data, verbose=False)[0]
    return network.state_dict(), dict(metrics)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:It is recommended to use .*sync_dist")  # Metrics are synced.
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_train_and_measure_as_one_process(ranks: int, tmp_path: Path) -> None:
    alone, metrics_alone = trained(tmp_path, 1, batch=ranks)
    together, metrics_together = trained(tmp_path, ranks, batch=1)
    assert alone.keys() == together.keys()
    start = module().double().state_dict()
    moved = [key for key in alone if not torch.equal(alone[key], start[key])]
    for room in ("encoder.adapters", "encoder.embedding", "decoders", "affinity.log_weights"):
        assert any(room in key for key in moved), room
    for key, value in alone.items():
        torch.testing.assert_close(together[key], value, rtol=1e-10, atol=1e-10, msg=key)
    assert metrics_together == pytest.approx(metrics_alone, rel=1e-10)
