"""What a checkpoint of anybody may say about files; ranks that stop together."""

import signal
from pathlib import Path
from typing import Any

import pytest
from lightning import Trainer

from tests.fakes.ranks import Ranks
from vtagml.checkpoints import RunCheckpoint


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


def test_a_signal_that_one_rank_got_stops_all(tmp_path: Path) -> None:
    ranks = Ranks(2)

    class Together(Trainer):
        """What is asked of a trainer."""

        world_size: int = 2  # type: ignore[assignment]
        strategy: Any = ranks  # type: ignore[assignment]

        def __init__(self) -> None:
            """Needs nothing."""

    def asked(rank: int) -> int:
        checkpoint = RunCheckpoint(str(tmp_path / str(rank)))
        checkpoint._request.number = signal.SIGTERM if rank else 0
        return checkpoint._asked_to_stop(Together())

    assert ranks.run(asked) == [signal.SIGTERM, signal.SIGTERM]
