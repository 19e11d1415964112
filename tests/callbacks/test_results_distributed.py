"""Two real processes leave the same numbers as one."""

import json
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import DataLoader

from vtagml.callbacks import PredictionGrid, Results


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Using `DistributedSampler`")  # Lightning's advice for tests.
@pytest.mark.filterwarnings("ignore:It is recommended to use .*sync_dist")  # Metrics are synced.
def test_two_ranks_leave_the_numbers_of_one(toy: Any, tmp_path: Path) -> None:
    class Varied(toy.Data):
        """Each sample has another depth, so a rank alone has another error than both."""

        def test_dataloader(self) -> DataLoader[Any]:
            samples = [toy.sample(index) for index in range(8)]
            for index, sample in enumerate(samples):
                sample["depth"] += index
            return DataLoader(samples, batch_size=2)

    found = {}
    for devices, strategy in ((1, "auto"), (2, "ddp_fork")):
        folder = tmp_path / str(devices)
        callbacks = [Results(prior_batches=2), PredictionGrid(samples=1)]
        trainer = toy.trainer(folder, callbacks, devices=devices, strategy=strategy)
        trainer.test(toy.Module(seed=0), Varied(), verbose=False)
        found[devices] = json.loads((folder / "metrics.json").read_text())
        figures = {path.name for path in (folder / "figures").iterdir()}
        assert figures == {"predictions_test.png", "predictions_test"}
    alone, together = found[1], found[2]
    assert together["provenance"]["hardware"]["processes"] == 2
    assert together["provenance"]["test_samples"] == alone["provenance"]["test_samples"] == 8
    # The prior says 2 m, the truth is 2, 3, … 9 m: the mean of 0, 1, 4, … 49 is 17.5.
    assert alone["metrics"]["prior"]["depth"]["rmse"] == pytest.approx(17.5**0.5)
    for row in ("model", "prior"):
        for task, metrics in alone["metrics"][row].items():
            assert together["metrics"][row][task] == pytest.approx(metrics, rel=1e-5)
