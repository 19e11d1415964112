"""Accumulated batches are one large batch, however unequally they know their labels."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, Trainer
from lightning.pytorch.plugins import HalfPrecision
from torch import Tensor

from tests.fakes.holes import Holes, small_vtagml
from tests.fakes.killed import Kill, Killed
from tests.fakes.trainers import trainer
from vtagml.checkpoints import AtomicCheckpointIO, RunCheckpoint
from vtagml.step_counts import STEP, StepCounts


def trained(
    folder: Path, batch: int, ckpt_path: Path | None = None, **settings: Any
) -> tuple[Mapping[str, Tensor], int]:
    """The state after a fit, and the number of its steps."""
    model = small_vtagml().double()
    run = trainer(folder, precision="64-true", **settings)
    run.fit(model, Holes(batch_size=batch, workers=0), ckpt_path=ckpt_path, weights_only=True)
    return model.state_dict(), run.global_step


def assert_same(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    start = small_vtagml().double().state_dict()
    for room in ("encoder.adapters", "decoders", "affinity.log_weights"):
        assert any(room in key and not expected[key].equal(start[key]) for key in expected), room
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-9, atol=1e-11, msg=key)


def test_accumulated_batches_train_as_one_large_batch(tmp_path: Path) -> None:
    # Every third of the samples knows no depth, and all know other numbers of pixels.
    expected, steps = trained(tmp_path, 4)
    found, accumulated = trained(tmp_path, 1, accumulate_grad_batches=4)
    assert steps == accumulated == 3
    assert_same(found, expected)


@pytest.mark.parametrize(
    ("size", "batch"),
    [
        (5, 14),  # the hardest: steps that end an epoch short, killed in the second
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in [(1, 3), (1, 12), (2, 3), (5, 11)]
        ),
    ],
)
def test_killed_and_resumed_it_reads_ahead_from_there(
    size: int, batch: int, tmp_path: Path
) -> None:
    """Steps of five end the epoch of twelve with one of two.

    The schedule asks how many steps two epochs are, so the loader is older than the checkpoint.
    """

    def run(folder: Path, *watch: Callback, **others: Any) -> Mapping[str, Tensor]:
        saves = RunCheckpoint(str(folder), every_n_train_steps=1)
        return trained(
            folder,
            1,
            callbacks=[saves, *watch],
            plugins=[AtomicCheckpointIO()],
            accumulate_grad_batches=size,
            max_epochs=2,
            **others,
        )[0]

    whole = run(tmp_path / "whole")
    with suppress(Killed):
        run(tmp_path, Kill(batch))
    again = run(tmp_path, ckpt_path=tmp_path / "last.ckpt")
    for key, value in whole.items():
        assert torch.equal(again[key], value), key


def test_the_short_last_step_of_an_epoch_is_a_whole_one(tmp_path: Path) -> None:
    expected, _ = trained(tmp_path, 6, limit_train_batches=1)
    # Nothing beyond the limit is counted, though it could be read.
    found, steps = trained(tmp_path, 2, limit_train_batches=3, accumulate_grad_batches=4)
    assert steps == 1
    assert_same(found, expected)


class Stand(Trainer):
    """What is read of a trainer."""

    num_training_batches: float = 8  # type: ignore[assignment]

    def __init__(self, size: int) -> None:
        self.accumulate_grad_batches = size


@pytest.mark.parametrize("before", [0, 3, 4])
def test_each_batch_knows_its_step_and_no_more_than_the_next_is_read(before: int) -> None:
    read: list[int] = []

    def batches() -> Any:
        for number in range(before, 20):
            read.append(number)
            yield {"number": number}

    counted = StepCounts(Stand(3), lambda batch: [float(batch["number"]), 1.0])
    found = []
    for batch in counted(batches(), before):
        found.append(batch["number"])
        step = [each for each in range(before, 8) if each // 3 == batch["number"] // 3]
        assert batch[STEP]["counts"] == [sum(step), len(step)]
        assert batch[STEP]["batches"] == len(step)
        assert batch[STEP]["scale"] == 3 / len(step)
        assert len(read) - len(found) <= 3
    assert found == read == list(range(before, 8))


def test_the_number_of_batches_in_a_step_may_change_between_epochs() -> None:
    trainer = Stand(1)
    counted = StepCounts(trainer, lambda batch: [1.0])
    sizes = []
    for size in (1, 2, 4):  # as a `GradientAccumulationScheduler` does
        trainer.accumulate_grad_batches = size
        batches = counted(iter([{"number": number} for number in range(8)]), 0)
        sizes.append([batch.get(STEP, {}).get("batches") for batch in batches])
    assert sizes == [[None] * 8, [2] * 8, [4] * 8]


@pytest.mark.parametrize("precision", ["bf16-true", "16-true"])
def test_counts_are_exact_in_half_precision(precision: str) -> None:
    counted = StepCounts(Stand(2), lambda batch: [1_048_577.0])
    batch = next(counted(iter([{"image": torch.ones(1)}] * 2), 0))
    converted = HalfPrecision(precision).convert_input(batch)  # type: ignore[arg-type]
    assert converted["image"].dtype in (torch.bfloat16, torch.float16)
    assert converted[STEP]["counts"] == [2_097_154.0]
