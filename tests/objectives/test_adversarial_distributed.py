"""Real processes with batches of different sizes train the network and the judges that one does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningDataModule
from torch import Tensor, distributed
from torch.utils.data import DataLoader

from datamodules import Adaptation
from tests.fakes.holes import Holes
from tests.fakes.trainers import trainer
from tests.objectives.small_adversarial import adversarial, domains

STEPS = 4
SHARES = (slice(0, 1), slice(1, 3))  # of three samples, for two ranks


class Shared(LightningDataModule):
    """The same batches for every number of processes, cut into uneven shares."""

    def __init__(self) -> None:
        super().__init__()
        data = domains(batch_size=3)
        data.setup("fit")
        self.batches = list(data.train_dataloader())[:STEPS]
        self.on_after_batch_transfer = data.on_after_batch_transfer  # type: ignore[method-assign]

    def train_dataloader(self) -> DataLoader[Any]:
        running = distributed.is_initialized()
        share = SHARES[distributed.get_rank()] if running else slice(None)
        return DataLoader([cut(batch, share) for batch in self.batches], batch_size=None)  # type: ignore[arg-type]


def cut(batch: dict[str, Any], share: slice) -> dict[str, Any]:
    return {
        key: cut(value, share) if isinstance(value, dict) else value[share]
        for key, value in batch.items()
    }


def trained(data: LightningDataModule, folder: Path, ranks: int) -> Mapping[str, Tensor]:
    module = adversarial().double()
    trainer(
        folder,
        ranks,
        precision="64-true",
        accumulate_grad_batches=2,
        gradient_clip_val=0.5,
        use_distributed_sampler=False,
    ).fit(module, data)
    return module.state_dict()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:It is recommended to use .*sync_dist")
def test_uneven_ranks_train_as_one_process(tmp_path: Path) -> None:
    assert_close(trained(Shared(), tmp_path, 2), trained(Shared(), tmp_path, 1))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:It is recommended to use .*sync_dist")
def test_shares_of_an_adaptation_train_as_one_process(tmp_path: Path) -> None:
    def data(batch_size: int) -> Adaptation:
        return domains(Holes(batch_size=1, workers=0, seed=1), batch_size)

    assert_close(trained(data(1), tmp_path, 2), trained(data(2), tmp_path, 1))


def assert_close(together: Mapping[str, Tensor], alone: Mapping[str, Tensor]) -> None:
    start = adversarial().double().state_dict()
    moved = [key for key in alone if not torch.equal(alone[key], start[key])]
    for room in ("network.encoder", "network.decoders", "objective", "network.affinity"):
        assert any(key.startswith(room) for key in moved), room
    for key, value in alone.items():
        # Adam divides gradients by their own size, rounding included.
        torch.testing.assert_close(together[key], value, rtol=1e-6, atol=1e-8, msg=key)
