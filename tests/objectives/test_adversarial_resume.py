"""A run that is killed in the middle of an epoch and resumed is the one that was not."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer, seed_everything

from tests.fakes.bits import assert_equal, last_state
from tests.fakes.killed import Kill, Killed
from tests.fakes.trainers import trainer
from tests.objectives.small_adversarial import adversarial, domains
from vtagml.checkpoints import AtomicCheckpointIO, RunCheckpoint

STEPS = 5  # of three batches an epoch: one epoch and two steps


class Named(Kill):
    """Keeps the names of the batches before, too."""

    def __init__(self, batch: int = -1) -> None:
        super().__init__(batch)
        self.names: list[list[str]] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        super().on_train_batch_start()
        self.names.append(batch["name"] + batch["target"]["name"])


def run(folder: Path, watch: Kill, resume: bool = False, **settings: Any) -> None:
    seed_everything(7 if resume else 0, verbose=False)  # a new process has other random numbers
    callbacks = [watch, RunCheckpoint(str(folder), every_n_train_steps=1)]
    done = trainer(
        folder,
        plugins=[AtomicCheckpointIO()],
        callbacks=callbacks,
        max_steps=STEPS,
        **settings,
    )
    with suppress(Killed):
        path = folder / "last.ckpt" if resume else None
        done.fit(adversarial(judged={"start": 1, "warmup": 3}), domains(), ckpt_path=path)


@pytest.mark.parametrize("killed", [1, 4])
def test_killed_and_resumed_equals_the_whole_run_bit_by_bit(killed: int, tmp_path: Path) -> None:
    whole, first, second = Named(), Named(killed), Named()
    run(tmp_path / "whole", whole)
    run(tmp_path, first)
    run(tmp_path, second, resume=True)
    assert first.names + second.names == whole.names
    assert_equal(last_state(tmp_path), last_state(tmp_path / "whole"))


def test_accumulated_run_resumes_bit_by_bit(tmp_path: Path) -> None:
    run(tmp_path / "whole", Kill(), accumulate_grad_batches=2)
    run(tmp_path, Kill(7), accumulate_grad_batches=2)
    run(tmp_path, Kill(), resume=True, accumulate_grad_batches=2)
    assert_equal(last_state(tmp_path), last_state(tmp_path / "whole"))


def test_checkpoint_holds_the_discriminators_and_their_moments(tmp_path: Path) -> None:
    run(tmp_path, Kill())
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    own = [key for key in content["state_dict"] if key.startswith("objective.judges.depth")]
    assert len(own) == 10  # weight and bias of five convolutions
    optimizer = content["optimizer_states"][0]
    group = next(each for each in optimizer["param_groups"] if each["name"] == "discriminators")
    assert len(group["params"]) == 4 * 10
    for number in group["params"]:
        assert optimizer["state"][number]["step"] == STEPS
        assert optimizer["state"][number]["exp_avg_sq"].max() > 0
