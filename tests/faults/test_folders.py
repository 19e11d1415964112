"""Odd run folders through the command line: what is the user's in them stays where it is."""

from pathlib import Path

import pytest

from datamodules import Source
from tests.fakes.holes import Holes
from tests.faults.test_faults import FIT, _in_a_folder_of_its_own, error_of, step_of
from vtagml.cli import main
from vtagml.run_folder import LOCK
from vtagml.run_folder.folder import MARK, NAMES

__all__ = ["_in_a_folder_of_its_own"]  # a fixture: pytest finds it here

LAST = "checkpoints/last.ckpt"


def test_home_of_other_things_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    film = Path("home/photos/.film.mkv.partial")
    film.parent.mkdir(parents=True)
    film.touch()
    Path("home/config.yaml").write_text("site_name: mine\n")  # mkdocs has one
    for command in (FIT, ["test", *FIT[1:], "--ckpt_path=none"]):
        message = error_of([*command, "--trainer.default_root_dir=home"], capsys)
        assert "found `config.yaml`, `photos` in `home`" in message
    assert film.exists()
    assert sorted(path.name for path in Path("home").iterdir()) == ["config.yaml", "photos"]
    assert not Path("home.1").exists()


def test_working_directory_as_run_folder_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("work").mkdir()
    monkeypatch.chdir("work")
    main([*FIT, "--trainer.default_root_dir=."])
    Path("mine.txt").write_text("mine")
    main([*FIT, f"--trainer.default_root_dir={tmp_path / 'work'}", "--trainer.max_steps=2"])
    assert Path.cwd() == tmp_path / "work"
    assert Path("mine.txt").is_file()
    assert step_of(Path(LAST)) == 2
    assert step_of(Path("../work.1", LAST)) == 4
    main([*FIT, "--trainer.default_root_dir=.", "--ckpt_path=last"])
    assert step_of(Path(LAST)) == 4


def test_home_directory_is_meant_by_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    main([*FIT, "--trainer.default_root_dir=~/run"])
    assert {path.name for path in tmp_path.iterdir()} == {"run"}
    assert (tmp_path / "run" / MARK).is_file()


@pytest.mark.parametrize(
    "wrong",
    [
        "--model.encoder.init_args.backbone.init_args.weights=absent.safetensors",
        "--data.batch_size=500",
        "--model.optimizer.init_args.lr=-1",
    ],
)
def test_fit_that_fails_before_training_leaves_no_folder(
    wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error_of([*FIT, "--trainer.logger=true", wrong], capsys)
    assert not list(Path.cwd().iterdir())


def test_missing_data_leave_no_folder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(self: Holes, split: str) -> Source[int]:
        raise FileNotFoundError("no `nowhere`")

    monkeypatch.setattr(Holes, "source", absent)
    assert "no `nowhere`" in error_of([*FIT, "--trainer.logger=true"], capsys)
    assert not list(Path.cwd().iterdir())


def test_every_file_of_a_run_has_a_name_that_is_known() -> None:
    callbacks = ["--trainer.callbacks=vtagml.callbacks.SaveBackbone"]
    callbacks += ["--trainer.callbacks.path=kept/backbone.safetensors"]
    callbacks += ["--trainer.callbacks+=vtagml.callbacks.GradientConflicts"]
    loggers = ["--trainer.logger=vtagml.loggers.Wandb", "--trainer.logger+=vtagml.loggers.CSV"]
    words = [*FIT, *callbacks, *loggers, "--trainer.default_root_dir=run"]
    words += ["--trainer.log_every_n_steps=1"]
    main([*words, "--test_after_fit=true"])
    main(["predict", *words[1:]])
    found = {path.name for path in Path("run").iterdir()}
    assert found >= {*NAMES, MARK, LOCK} - {"kept"}
    assert found - {*NAMES, MARK, LOCK} == {"kept"}
    Path("run/kept/mine.txt").write_text("mine")
    main(words)
    assert Path("run.1/kept/backbone.safetensors").is_file()
    assert Path("run/kept/mine.txt").is_file()
