"""What a run can do without, and what it cannot, fails in the middle of it."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger

from datamodules import Source
from tests.fakes.holes import Holes, holes
from tests.faults.test_faults import FIT, LAST, _in_a_folder_of_its_own, error_of, step_of
from vtagml.cli import main

__all__ = ["_in_a_folder_of_its_own"]  # a fixture: pytest finds it here


class Deadly(Holes):
    """A worker dies at a sample that the third step asks for or so, as if killed for its memory."""

    def source(self, split: str) -> Source[int]:
        return Source(range(12), fatal if split == "train" else holes)


def fatal(index: int, tasks: Sequence[str]) -> dict[str, Any]:
    if torch.utils.data.get_worker_info() is not None and Path(LAST).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return holes(index, tasks)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_dead_worker_is_one_message_and_the_checkpoint_stays(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # The news of the death is an error wherever the program is; in a check of types it is another.
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        data = f"--data={__name__}.Deadly"
        message = error_of([*FIT, data, "--data.workers=1", "--trainer.max_steps=40"], capsys)
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
    assert "A worker that loads data has died" in message
    assert "--ckpt_path last" in message
    assert step_of(LAST) >= 2


def test_full_disk_under_the_logs_stops_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(logger: CSVLogger) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CSVLogger, "save", full)
    with pytest.warns(UserWarning, match=r"A record of CSV could not be made"):
        main([*FIT, "--trainer.logger=true", "--trainer.log_every_n_steps=1"])
    assert step_of(LAST) == 4
