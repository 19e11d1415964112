"""When a run validates first, from its config; checked against Lightning itself."""

import math
from typing import Any

import pytest
from jsonargparse import Namespace
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn, tensor
from torch.optim import SGD
from torch.utils.data import DataLoader

from vtagml.commands.validations import check_validates, schedule

DEFAULTS: dict[str, Any] = {
    "max_steps": 380,
    "max_epochs": -1,
    "check_val_every_n_epoch": 2,
    "val_check_interval": None,
    "limit_train_batches": None,
    "limit_val_batches": None,
    "accumulate_grad_batches": 1,
    "devices": 1,
    "num_nodes": 1,
    "accelerator": "cpu",
    "fast_dev_run": False,
}


def config(train: int | None = 800, batch_size: int = 8, **trainer: Any) -> Namespace:
    data = Namespace(class_path="a.Data", init_args=Namespace(train=train, batch_size=batch_size))
    return Namespace(trainer=Namespace(**DEFAULTS | trainer), data=data)


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [
        ({}, 200, 380),
        ({"max_steps": 100}, 200, 100),
        ({"check_val_every_n_epoch": 1, "max_steps": 100}, 100, 100),
        ({"max_steps": -1, "max_epochs": 3}, 200, 300),
        ({"max_steps": -1, "max_epochs": None}, 200, 100_000),
        ({"accumulate_grad_batches": 4}, 50, 380),
        ({"devices": 4}, 50, 380),
        ({"devices": 2, "num_nodes": 2}, 50, 380),
        ({"limit_train_batches": 10}, 20, 380),
        ({"limit_train_batches": 0.5}, 100, 380),
        ({"check_val_every_n_epoch": 1, "val_check_interval": 0.25}, 25, 380),
        ({"check_val_every_n_epoch": None, "val_check_interval": 150}, 150, 380),
        ({"limit_val_batches": 0}, math.inf, 380),
    ],
)
def test_first_validation_and_end(
    given: dict[str, Any], first: int | float, last: int | float
) -> None:
    found = schedule(config(**given))
    assert found is not None
    assert (found.first, found.last) == (first, last)


def test_the_message_has_the_numbers_and_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"none in 100 steps: the first is after 200 .*has 100;"):
        check_validates(config(max_steps=100), "A sweep")
    with pytest.raises(ValueError, match="switched off"):
        check_validates(config(limit_val_batches=0), "A sweep")
    check_validates(config(max_steps=200), "A sweep")


def test_data_of_unknown_size_are_not_refused() -> None:
    check_validates(config(train=None, max_steps=1), "A sweep")


class Noted(Callback):
    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.steps.append(trainer.global_step)


class Line(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(tensor(1.0))

    def training_step(self, batch: Tensor) -> Tensor:
        return (self.slope * batch).square().mean()

    def validation_step(self, batch: Tensor) -> None:
        pass

    def configure_optimizers(self) -> SGD:
        return SGD(self.parameters(), 0.01)


@pytest.mark.parametrize(
    "given",
    [
        {"max_steps": 9},
        {"max_steps": 10},
        {"max_steps": 5, "check_val_every_n_epoch": 1},
        {"max_steps": 12, "accumulate_grad_batches": 2},
        {"max_steps": 4, "check_val_every_n_epoch": 1, "val_check_interval": 0.5},
        {"max_steps": 9, "check_val_every_n_epoch": None, "val_check_interval": 7},
        {"max_steps": -1, "max_epochs": 2},
        {"max_steps": 20, "limit_train_batches": 0.6},
    ],
)
def test_lightning_validates_then(given: dict[str, Any]) -> None:
    settings = {key: value for key, value in (DEFAULTS | given).items() if value is not None}
    settings["check_val_every_n_epoch"] = (DEFAULTS | given)["check_val_every_n_epoch"]
    noted = Noted()
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar"), False)
    trainer = Trainer(
        **settings, **quiet, callbacks=[noted], num_sanity_val_steps=0, enable_model_summary=False
    )
    samples = [tensor(float(each)) for each in range(10)]
    loaders = DataLoader(samples, 2), DataLoader(samples, 2)
    trainer.fit(Line(), *loaders)
    found = schedule(config(train=10, batch_size=2, **given))
    assert found is not None
    assert trainer.global_step == found.last
    assert noted.steps[:1] == ([found.first] if found.first <= found.last else [])
