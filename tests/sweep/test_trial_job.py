"""What a trial's run has logged, as it is read while it is written."""

from pathlib import Path

import optuna
import pytest

from vtagml.sweep import TrialJob

LOG = "step,val/m,val/n\n9,2.0,7.0\n19,1.5,8.0\n"


@pytest.fixture
def job(tmp_path: Path) -> TrialJob:
    return TrialJob(optuna.create_study().ask(), ["fit"], tmp_path / "trials/000", "val/m")


def test_metric_is_read_from_the_log(job: TrialJob) -> None:
    assert job.curve() == {}
    log = job.folder / "logs/version_0/metrics.csv"
    log.parent.mkdir(parents=True)
    log.write_text(LOG)
    assert job.curve() == {9: 2.0, 19: 1.5}
    assert job.metrics() == {"val/m": 1.5, "val/n": 8.0}
    log.write_text(LOG + "29,1.2")  # half a number, perhaps
    assert job.curve() == {9: 2.0, 19: 1.5}
    log.write_text(LOG + "x,1.0\n")
    assert job.curve() == {}
