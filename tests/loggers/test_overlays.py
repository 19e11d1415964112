"""Each overlay of `experiments/loggers/` puts its files into the run's folder."""

from pathlib import Path

import pytest

from vtagml.cli import main
from vtagml.commands.experiment import default_folder

pytestmark = pytest.mark.usefixtures("no_pictures")  # they are looked at elsewhere
ROOT = Path(__file__).parents[2]
SMALL = f"--config={ROOT / 'tests/faults/small.yaml'}"


@pytest.mark.parametrize(
    ("overlay", "written"),
    [("csv", "metrics.csv"), pytest.param("tensorboard", "events.out.*", marks=pytest.mark.slow)],
)
def test_files_are_in_the_run_folder(
    overlay: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = f"--config={ROOT / 'experiments/loggers'}/{overlay}.yaml"
    main(["fit", SMALL, config, "--trainer.max_steps=2", "--trainer.log_every_n_steps=1"])
    # The overlay names no other run: the folder is that of the experiment.
    (version,) = (tmp_path / "runs/small/logs").iterdir()
    assert version.name == "version_0"
    assert len(list(version.glob(written))) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["runs"]


def test_a_fresh_fit_numbers_its_files_anew_and_one_that_goes_on_adds_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = f"--config={ROOT / 'experiments/loggers/csv.yaml'}"
    words = ["fit", SMALL, config, "--trainer.log_every_n_steps=1"]
    main([*words, "--trainer.max_steps=2"])
    main([*words, "--trainer.max_steps=2"])
    assert versions("runs/small.1") == versions("runs/small") == ["version_0"]
    main([*words, "--trainer.max_steps=3", "--ckpt_path=last"])
    assert versions("runs/small") == ["version_0", "version_1"]


def versions(run: str) -> list[str]:
    return sorted(each.name for each in Path(run, "logs").iterdir())


def test_an_experiment_in_a_folder_of_that_name_has_a_run_folder_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("WANDB_SWEEP_ID", "WANDB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    mine, overlay = Path("loggers/mine.yaml"), Path("loggers/csv.yaml")
    assert default_folder([mine]) == Path("runs/mine")
    assert default_folder([mine, overlay]) == Path("runs/mine+csv")
    assert default_folder([Path("a/b.yaml"), overlay, Path("c.yaml")]) == Path("runs/b+c")


def test_runs_of_an_agent_have_folders_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_RUN_ID", "one")
    monkeypatch.delenv("WANDB_SWEEP_ID", raising=False)
    assert default_folder([Path("a.yaml")]) == Path("runs/a")  # a run that somebody goes on with
    monkeypatch.setenv("WANDB_SWEEP_ID", "many")
    assert default_folder([Path("a.yaml")]) == Path("runs/sweeps/many/one")
