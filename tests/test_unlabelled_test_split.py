"""Folders of one's own whose test images have no labels: what can be done without them is done."""

import inspect
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import pytest
from lightning import Trainer
from lightning.pytorch.trainer.states import TrainerStatus

from tests.fakes import folders
from tests.fakes.small import SMALL_FILES
from vtagml.cli import main
from vtagml.commands.experiment import ExperimentCLI

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


@pytest.mark.parametrize("why", ["lacks", "predicted_only"])
def test_either_reason_leaves_out_the_test(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vtagml.commands.experiment.check_saved", lambda trainer: None)
    monkeypatch.delattr(Trainer, "test")  # which would be asked for it
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.state.status = TrainerStatus.FINISHED
    cast(Any, trainer).datamodule = SimpleNamespace(**{why: {"test": "Because."}.get})
    config = {"fit": SimpleNamespace(test_after_fit=True)}
    cli = SimpleNamespace(subcommand="fit", config=config, trainer=trainer)
    with pytest.warns(UserWarning, match=r"test after the fit is left out\. Because"):
        inspect.unwrap(ExperimentCLI.after_fit)(cli)


@pytest.mark.slow
def test_fit_then_predict_and_no_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = folders.write_tree(tmp_path / "mine")
    for task in ("segmentation", "depth", "normals"):
        shutil.rmtree(root / "test" / task)
    monkeypatch.chdir(tmp_path)
    configs = (f"--config={EXPERIMENTS / name}.yaml" for name in ("folders_sdn", "small"))
    words = [*configs, *SMALL_FILES, f"--data.root={root}", "--trainer.default_root_dir=run"]
    with pytest.warns(UserWarning, match=r"test after the fit is left out\. .*only be predicted"):
        main(["fit", *words])
    assert not Path("run/metrics.json").exists()
    with pytest.raises(SystemExit) as stopped:
        main(["test", *words])
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert "The split `test`" in message
    assert "labels of segmentation, depth, normals to be tested, found none" in message
    main(["predict", *words])
    (file,) = Path("run").rglob("test/depth/0001.png")
    assert cv2.imread(str(file), cv2.IMREAD_UNCHANGED).shape == folders.SIZE
