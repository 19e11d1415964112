"""A command logs to one version, whatever loggers and stages it has."""

from pathlib import Path

import pytest

from tests.faults.test_faults import FIT, _in_a_folder_of_its_own
from vtagml.cli import main
from vtagml.report import read_run

__all__ = ["_in_a_folder_of_its_own"]  # a fixture: pytest finds it here

pytestmark = pytest.mark.usefixtures("no_pictures")  # they are looked at elsewhere
LOGS = Path("runs/small/logs")
TENSORBOARD_FIRST = [
    "--trainer.logger=vtagml.loggers.TensorBoard",
    "--trainer.logger+=vtagml.loggers.CSV",
]


def versions() -> list[str]:
    return sorted(each.name for each in LOGS.iterdir())


@pytest.mark.parametrize(
    "loggers", [["--trainer.logger=true"], pytest.param(TENSORBOARD_FIRST, marks=pytest.mark.slow)]
)
def test_fit_with_its_validations_and_test_makes_one_version(
    loggers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*FIT[1:], *loggers, "--trainer.log_every_n_steps=1"]
    main(["fit", *words, "--trainer.val_check_interval=2", "--test_after_fit=true"])
    assert versions() == ["version_0"]
    lines = (LOGS / "version_0/metrics.csv").read_text(encoding="utf-8")
    assert all(f"{stage}/depth/rmse" in lines for stage in ("val", "test"))
    assert list((LOGS / "version_0").glob("events.out.*"))
    capsys.readouterr()
    main(["test", *words])
    assert versions() == ["version_0", "version_1"]
    said = capsys.readouterr().out
    assert said.count("Test results") == 1  # the table is printed once
    assert "test/depth/rmse" not in said
    run = read_run(Path("runs/small"))
    for row in (run.metrics, run.prior):
        for task, values in row.items():
            for key, value in values.items():
                assert run.unit(task, key).written(value) in said, key
