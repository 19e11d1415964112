"""A logger that fails in mid-run costs its record, not the run."""

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from tests.callbacks.conftest import toy
from vtagml.loggers.failing import tolerate_failing_loggers

__all__ = ["toy"]  # a fixture


class Dying(CSVLogger):
    """Fails from its second record on, as when the disk is full or the server gone."""

    records = 0

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self.records += 1
        if self.records > 1:
            raise OSError(28, "No space left on device")
        super().log_metrics(metrics, step)


def run(toy: Any, folder: Path, *loggers: Any) -> Any:
    trainer = toy.trainer(folder, [], logger=list(loggers), max_steps=4, log_every_n_steps=1)
    tolerate_failing_loggers(trainer)
    trainer.fit(toy.Module(), toy.Data())
    return trainer


def test_training_goes_on_with_one_warning_and_the_other_logger(toy: Any, tmp_path: Path) -> None:
    dying, other = Dying(tmp_path, "dying"), CSVLogger(tmp_path, "other")
    with pytest.warns(UserWarning, match=r"A record of Dying .*goes on.*No space left") as warned:
        trainer = run(toy, tmp_path, dying, other)
    assert len([each for each in warned if "A record of" in str(each.message)]) == 1
    assert trainer.global_step == 4
    assert dying.records > 2
    lines = (tmp_path / "other" / "version_0" / "metrics.csv").read_text().splitlines()
    assert len(lines) > 4


def test_really_full_device_stops_no_run(toy: Any, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs Linux's device that is always full")
    logger = CSVLogger(tmp_path, "logs", flush_logs_every_n_steps=1)
    logger.experiment.metrics_file_path = "/dev/full"
    with pytest.warns(UserWarning, match=r"A record of CSVLogger .*No space left on device"):
        assert run(toy, tmp_path, logger).global_step == 4


def test_loggers_stay_what_they_are_and_can_be_sent_to_other_processes(
    toy: Any, tmp_path: Path
) -> None:
    logger = TensorBoardLogger(tmp_path, "logs")
    run(toy, tmp_path, logger)
    assert isinstance(logger, TensorBoardLogger)
    assert list((tmp_path / "logs").rglob("events.*"))
    assert copy.deepcopy(logger).name == pickle.loads(pickle.dumps(logger)).name == "logs"


def test_logger_that_cannot_be_opened_is_an_error(toy: Any, tmp_path: Path) -> None:
    class Closed(CSVLogger):
        @property
        def experiment(self) -> Any:
            raise PermissionError("no key given")

    with pytest.raises(PermissionError, match="no key given"):
        run(toy, tmp_path, Closed(tmp_path))
