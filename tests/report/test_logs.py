from pathlib import Path

import pytest

from tests.report.run_folders import write_log, write_run
from vtagml.report import read_run


def test_curves_over_several_logs(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    write_log(
        folder,
        0,
        [
            {"step": 0, "train/loss": 3.0},
            {"step": 99, "val/depth/rmse": 0.9},
            {"step": 199, "val/depth/rmse": 0.8},
        ],
    )
    # Resumed from step 150: 199 is done again; ten comes after two, not after one.
    write_log(folder, 2, [{"step": 199, "val/depth/rmse": 0.7}])
    write_log(folder, 10, [{"step": 199, "val/depth/rmse": 0.6}])
    (folder / "logs" / "version_1").mkdir()  # the other logger's
    run = read_run(folder)
    assert run.validation("depth") == {99: 0.9, 199: 0.6}
    assert run.validation("segmentation") == {}


def test_a_step_lasts_all_its_batches(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", settings={"trainer.accumulate_grad_batches": 4})
    seconds = [(100, 0.5), (200, 9.0), (300, 0.25)]
    write_log(folder, 0, [{"step": at, "throughput/batch_seconds": each} for at, each in seconds])
    assert read_run(folder).step_seconds == 2.0  # the median batch 0.5 s, four times


def test_without_a_log(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run"))
    assert run.step_seconds is None
    assert run.validation("depth") == {}


def test_a_damaged_log(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    write_log(folder, 0, [{"step": 1, "val/depth/rmse": "0.9.0"}])
    with pytest.raises(ValueError, match=r"metrics\.csv` is damaged"):
        read_run(folder)
