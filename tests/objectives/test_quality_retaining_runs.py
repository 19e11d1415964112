"""Whole runs with quality retaining: what they log and save, resumed, accumulated, on two ranks."""

from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, seed_everything
from torch import Tensor

from tests.fakes.bits import assert_equal, last_state
from tests.fakes.killed import Kill, Killed
from tests.fakes.trainers import trainer
from tests.objectives.retaining import (
    CLASSES,
    NAMES,
    TOTAL,
    Sets,
    experts,
    images,
    retaining,
    united,
)
from tests.objectives.small_adversarial import full
from vtagml.callbacks import RouterFading
from vtagml.checkpoints import AtomicCheckpointIO, RunCheckpoint
from vtagml.module import MultitaskModule
from vtagml.objectives import LastTwo, MixedMean, MovingAverage, QualityRetaining, SumOfTasks

# Alone, and with experts whose routers fade: EMTAL whole.
KINDS = [(MovingAverage, full), (LastTwo, full), (MovingAverage, experts)]
FADING: dict[Any, list[Callback]] = {full: [], experts: [RouterFading(0.0, 0.8)]}
STEPS = 5  # of three batches an epoch: one epoch and two steps


def fitted(folder: Path, batch_size: int = 4, **settings: Any) -> MultitaskModule:
    model = retaining()
    trainer(folder, **settings).fit(model, Sets(batch_size=batch_size, workers=0))
    return model


def test_it_logs_what_each_task_is_held_to(tmp_path: Path) -> None:
    run = trainer(tmp_path, log_every_n_steps=1)
    run.fit(retaining(), Sets(batch_size=4, workers=0))
    found = run.callback_metrics
    assert {f"train/{name}/{kind}" for name in NAMES for kind in ("loss", "retaining")} <= set(
        found
    )
    assert all(found[f"train/{name}/retaining"] >= 0 for name in NAMES)


def test_it_changes_what_the_network_learns(tmp_path: Path) -> None:
    model, plain = fitted(tmp_path), retaining(SumOfTasks)
    assert torch.equal(retaining().network.decoders.decoder.head.weight, weights(plain))
    trainer(tmp_path).fit(plain, Sets(batch_size=4, workers=0))
    assert not torch.equal(weights(model), weights(plain))


def weights(model: MultitaskModule) -> Tensor:
    weight: Tensor = model.network.decoders.decoder.head.weight
    return weight


@pytest.mark.parametrize(("bank", "encoder"), KINDS)
def test_killed_and_resumed_equals_the_whole_run_bit_by_bit(
    bank: Any, encoder: Any, tmp_path: Path
) -> None:
    def run(folder: Path, kill: int = -1, resume: bool = False) -> None:
        seed_everything(7 if resume else 0, verbose=False)
        done = trainer(
            folder,
            plugins=[AtomicCheckpointIO()],
            callbacks=[
                Kill(kill),
                RunCheckpoint(str(folder), every_n_train_steps=1),
                *FADING[encoder],
            ],
            max_steps=STEPS,
        )
        path = folder / "last.ckpt" if resume else None
        with suppress(Killed):
            done.fit(
                retaining(encoder=encoder, bank=bank), Sets(batch_size=4, workers=0), ckpt_path=path
            )

    run(tmp_path / "whole")
    run(tmp_path, kill=4)
    run(tmp_path, resume=True)
    assert_equal(last_state(tmp_path), last_state(tmp_path / "whole"))
    saved = last_state(tmp_path)["state_dict"]
    for name, classes in CLASSES.items():
        rows = saved[f"objective.banks.{name}.rows"]
        assert rows.shape[1:] == (classes, TOTAL)
        assert rows.any()
        assert saved[f"objective.running.{name}.value"] < 10


def test_accumulated_batches_each_move_banks_and_running_losses(tmp_path: Path) -> None:
    settings = {"max_steps": 1, "limit_train_batches": 3, "accumulate_grad_batches": 3}
    model = fitted(tmp_path, 4, **settings)
    # One batch alone leaves at least 0.95 of the 10 that it starts at.
    assert min(model.objective.running[name].value for name in NAMES) < 0.95 * 10 - 0.1


@pytest.mark.parametrize("base", [SumOfTasks, MixedMean])
def test_terms_of_accumulated_batches_have_the_mean_of_one_large_batch(base: Any) -> None:
    objective = QualityRetaining(united(), base=base).double()
    found = images(9, 0)
    whole = found.batch()
    parts = [slice(0, 2), slice(2, 9)]  # which know the tasks in other numbers
    step = {"counts": objective.counts(whole), "batches": 2, "scale": 1.0}

    def value(rows: slice, **step: Any) -> Tensor:
        fresh, maps = deepcopy(objective), dict.fromkeys(NAMES, found.scores[rows])
        return fresh.retaining(maps, found.batch(rows) | step).value

    expected = value(slice(None))
    assert (expected > 0).all()
    torch.testing.assert_close(sum(value(rows, step=step) for rows in parts) / 2, expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:It is recommended to use .*sync_dist")
@pytest.mark.parametrize(("bank", "encoder"), KINDS)
def test_two_processes_train_as_one(bank: Any, encoder: Any, tmp_path: Path) -> None:
    def trained(ranks: int) -> Mapping[str, Tensor]:
        model = retaining(encoder=encoder, bank=bank).double()
        settings = {"precision": "64-true", "max_epochs": 2, "callbacks": FADING[encoder]}
        data = Sets(batch_size=4 // ranks, workers=0)
        trainer(tmp_path, ranks, **settings).fit(model, data)
        return model.state_dict()

    alone, together = trained(1), trained(2)

    for key, value in alone.items():
        # Adam divides gradients by their own size, rounding included.
        torch.testing.assert_close(together[key], value, rtol=1e-6, atol=1e-8, msg=key)
