"""What a trial's run has logged, as it is read while it is written."""

import math
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
    assert job.certain_curve() == {}  # what is seen once may be half a number
    assert job.certain_curve() == job.curve() == {9: 2.0, 19: 1.5}
    assert job.metrics() == {"val/m": 1.5, "val/n": 8.0}
    log.write_text(LOG + "29,")
    assert job.certain_curve() == {9: 2.0, 19: 1.5}
    log.write_text(LOG + "x,1.0")
    assert job.curve() == {}


def test_diverged_metric_is_certain_and_order_is_kept(
    job: TrialJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = [{9: 2.0, 19: math.nan}, {9: 2.0, 19: math.nan, 29: 1.0}, {9: 3.0, 19: 1.0, 29: 1.0}]
    monkeypatch.setattr(job, "curve", iter(looks).__next__)
    assert job.certain_curve() == {}
    certain = job.certain_curve()
    assert list(certain) == [9, 19]
    assert math.isnan(certain[19])
    # The first was half a number, so none that follows is certain, though 1.0 was seen twice.
    assert job.certain_curve() == {}
