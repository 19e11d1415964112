"""Each overlay of `experiments/loggers/` puts its files into the run's folder."""

from pathlib import Path

import pytest

from vtagml.cli import main

ROOT = Path(__file__).parents[2]
SMALL = f"--config={ROOT / 'tests/faults/small.yaml'}"


@pytest.mark.parametrize(
    ("overlay", "written"), [("csv", "metrics.csv"), ("tensorboard", "events.out.*")]
)
def test_files_are_in_the_run_folder(
    overlay: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = f"--config={ROOT / 'experiments/loggers'}/{overlay}.yaml"
    main(["fit", SMALL, config, "--trainer.max_steps=2", "--trainer.log_every_n_steps=1"])
    main(["fit", SMALL, config, "--trainer.max_steps=3", "--trainer.log_every_n_steps=1",
          "--ckpt_path=last"])  # fmt: skip
    # The overlay names no other run: the folder is that of the experiment.
    logs = tmp_path / "runs/small/logs"
    assert sorted(each.name for each in logs.iterdir()) == ["version_0", "version_1"]
    for version in logs.iterdir():
        assert len(list(version.glob(written))) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["runs"]
