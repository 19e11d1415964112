"""What a checkpoint of anybody may say about files; ranks that stop together."""

import math
import signal
from pathlib import Path
from typing import Any

import pytest
from lightning import LightningModule, Trainer

from tests.fakes.ranks import Ranks
from vtagml.checkpoints import RunCheckpoint, loop_position


@pytest.mark.parametrize("last", ["{}/thesis.tex", "{}/run/../thesis.tex", "thesis.tex"])
def test_checkpoint_names_no_file_outside_its_folder_to_be_removed(
    tmp_path: Path, last: str
) -> None:
    folder = tmp_path / "run"
    state = RunCheckpoint(str(folder)).state_dict()
    kept = RunCheckpoint(str(folder))
    kept.load_state_dict(state | {"last_model_path": str(folder / "step=4.ckpt")})
    assert kept.last_model_path == str(folder / "step=4.ckpt")
    hostile = RunCheckpoint(str(folder))
    hostile.load_state_dict(state | {"last_model_path": last.format(tmp_path)})
    assert hostile.last_model_path == ""


class Together(Trainer):
    """What is asked of a trainer of two ranks."""

    world_size: int = 2  # type: ignore[assignment]
    strategy: Any = None  # type: ignore[assignment]
    num_val_batches: list[int | float] = []  # type: ignore[assignment]

    def __init__(self, ranks: Ranks, *batches: float) -> None:
        self.strategy, self.num_val_batches = ranks, list(batches)


def test_a_signal_that_one_rank_got_stops_all(tmp_path: Path) -> None:
    ranks = Ranks(2)

    def asked(rank: int) -> int:
        checkpoint = RunCheckpoint(str(tmp_path / str(rank)))
        checkpoint._request.number = signal.SIGTERM if rank else 0
        return checkpoint._asked_to_stop(Together(ranks))

    assert ranks.run(asked) == [signal.SIGTERM, signal.SIGTERM]


@pytest.mark.parametrize(
    ("batches", "expected"),
    [(((3, 2), (3, 1)), 4), (((3, math.inf), (3, math.inf)), 0), (((3, math.inf), (3, 1)), 0)],
)
def test_ranks_ask_one_another_in_a_validation_as_often_as_all_of_them_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batches: Any, expected: int
) -> None:
    ranks = Ranks(2)
    monkeypatch.setattr(loop_position, "forget_interrupted_validation", lambda trainer: None)

    def begun(rank: int) -> float:
        checkpoint = RunCheckpoint(str(tmp_path / str(rank)))
        checkpoint.on_validation_start(Together(ranks, *batches[rank]), LightningModule())
        return checkpoint._askable

    assert ranks.run(begun) == [expected, expected]
