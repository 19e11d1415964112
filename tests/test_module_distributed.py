"""Several real processes train and measure what one process does: same S, ω, weights, metrics."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from datamodules import Resize, Source
from datamodules.predictions import LabelsOnDisk
from datamodules.transforms import Transform
from tests.fakes.holes import SIDE, Holes, holes, small_vtagml
from tests.fakes.trainers import trainer
from vtagml.compute import Compute

MICRO_BATCHES = 2


class HolesOnDisk(Holes):
    """The same samples, evaluated where their labels are; each has its own number of rows."""

    def source(self, split: str) -> Source[int]:
        return Source(super().source(split).records, cut)

    def transforms(self, split: str) -> Sequence[Transform]:
        view = Resize((SIDE, SIDE))
        return [view] if split == "train" else [LabelsOnDisk(self.tasks_of(split), [view])]


def cut(index: int, tasks: Sequence[str]) -> dict[str, Any]:
    rows = SIDE - index % 5
    sample = holes(index, tasks)
    return {key: each if key == "name" else each[:rows] for key, each in sample.items()}


def trained(
    folder: Path, ranks: int, batch: int, accumulated: int, in_turn: bool
) -> tuple[Mapping[str, Tensor], dict[str, float]]:
    """State and test metrics after one epoch."""
    run = trainer(folder, ranks, precision="64-true", accumulate_grad_batches=accumulated)
    data = Holes(batch_size=batch, workers=0)
    network = small_vtagml().double()  # what comes back from other processes is cast to this
    Compute(in_turn=in_turn).prepare(network.network)
    run.fit(network, data)
    metrics = run.test(network, data, verbose=False)[0]
    return network.state_dict(), dict(metrics)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:It is recommended to use .*sync_dist")  # Metrics are synced.
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_train_and_measure_as_one_process(ranks: int, tmp_path: Path) -> None:
    # One backward of all tasks, and those of the ranks' branches one after another.
    whole, parts = ranks * MICRO_BATCHES, MICRO_BATCHES
    alone, metrics_alone = trained(tmp_path, 1, batch=whole, accumulated=1, in_turn=False)
    together, metrics_together = trained(tmp_path, ranks, batch=1, accumulated=parts, in_turn=True)
    assert alone.keys() == together.keys()
    start = small_vtagml().double().state_dict()
    moved = [key for key in alone if not torch.equal(alone[key], start[key])]
    for room in ("encoder.adapters", "encoder.embedding", "decoders", "affinity.log_weights"):
        assert any(room in key for key in moved), room
    for key, value in alone.items():
        torch.testing.assert_close(together[key], value, rtol=1e-10, atol=1e-10, msg=key)
    assert metrics_together == pytest.approx(metrics_alone, rel=1e-10)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:It is recommended to use .*sync_dist")
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_ranks_measure_at_the_size_on_disk_as_one_process(tmp_path: Path) -> None:
    def metrics(ranks: int, batch: int) -> dict[str, float]:
        data = HolesOnDisk(batch_size=batch, workers=0)
        model = small_vtagml().double()
        run = trainer(tmp_path, ranks, precision="64-true")
        return dict(run.test(model, data, verbose=False)[0])

    alone = metrics(1, batch=2)
    assert metrics(3, batch=1) == pytest.approx(alone, rel=1e-10)
    assert len(alone) > 10
