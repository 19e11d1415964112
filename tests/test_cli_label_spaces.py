"""A model that was trained in one set of classes, evaluated in another, as users type it."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from lightning import LightningModule

from datamodules import Cityscapes
from datamodules.cityscapes.classes import CITYSCAPES_19, VKITTI2_8
from tests.fakes import cityscapes, street
from tests.fakes.spaces import between
from tests.fakes.street import CHECKPOINT
from vtagml.building import built
from vtagml.cli import main

pytestmark = pytest.mark.usefixtures("no_pictures")  # they are looked at elsewhere
SIZE = (64, 128)
CONFIG = street.config(street.SEGMENTATION)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small tree, a config, and a run of one step in 19 classes."""
    folder = tmp_path_factory.mktemp("street")
    cityscapes.write_tree(folder / "cityscapes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        street.train(CONFIG)
    return folder


@pytest.fixture(autouse=True)
def _in_a_copy(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")


def run(command: str, *words: str) -> None:
    main([command, "--config", "street.yaml", *words])


def results() -> dict[str, dict[str, float]]:
    return json.loads(Path("runs/street/metrics.json").read_text())["metrics"]


def probabilities() -> tuple[np.ndarray, np.ndarray]:
    """Of the 19 classes in the two validation images; and the images' own label ids."""
    model = built(LightningModule, yaml.safe_load(CONFIG)["model"])
    model.load_state_dict(torch.load(CHECKPOINT, weights_only=True)["state_dict"])
    settings = {"tasks": ["segmentation"], "workers": 0, "batch_size": 2}
    data = Cityscapes("cityscapes", SIZE, **settings, evaluated_at="network")
    data.setup("test")
    batch = data.on_after_batch_transfer(next(iter(data.test_dataloader())))
    with torch.no_grad():
        maps = model.eval().network(batch["image"])
    return maps["segmentation"].softmax(1).numpy(), batch["segmentation"].numpy()


def test_a_test_needs_only_other_data(capsys: pytest.CaptureFixture[str]) -> None:
    run("test", "--data.label_space=vkitti2_8")
    said = capsys.readouterr().out
    assert "19 classes are read as the data's 8 (joined: vehicle = car + truck + bus;" in said
    each, labels = probabilities()
    table = between(CITYSCAPES_19, VKITTI2_8)
    merged = np.stack([each[:, table[:19] == id].sum(1) for id in range(8)], 1)
    predicted, wanted = merged.argmax(1), table[labels]
    assert len(np.unique(predicted)) > 3  # or the test would say little
    predicted, wanted = predicted[wanted != 255], wanted[wanted != 255]
    overlaps = [
        ((predicted == id) & (wanted == id)).sum() / ((predicted == id) | (wanted == id)).sum()
        for id in np.union1d(predicted, wanted)
    ]
    found = results()["model"]["segmentation"]
    assert found["miou"] == pytest.approx(np.mean(overlaps), abs=2e-4)
    assert found["accuracy"] == pytest.approx((predicted == wanted).mean(), abs=1e-3)
    # The label is road but for one row, and so is the prior, in the classes of the data.
    assert results()["prior"]["segmentation"]["accuracy"] > 0.9


def test_validate_and_predict_need_only_other_data(capsys: pytest.CaptureFixture[str]) -> None:
    run("validate", "--data.label_space=vkitti2_8")
    run("predict", "--data.label_space=vkitti2_8")
    places = "pictures in `runs/street/predictions`, numbers in `runs/street/submission`"
    assert f"Predictions: {places}." in capsys.readouterr().out
    file = "runs/street/submission/segmentation/frankfurt_000000_000019_labelIds.png"
    ids = set(np.unique(cv2.imread(file, cv2.IMREAD_UNCHANGED)))
    assert ids <= {7, 11, 17, 19, 20, 21, 23, 26}


def test_classes_without_a_counterpart_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    run("test", "--data.label_space=cityscapes_16")
    said = capsys.readouterr().out
    assert "19 classes are read as the data's 16 (left out: terrain, truck, train" in said


def test_finer_data_than_the_model_knows(capsys: pytest.CaptureFixture[str]) -> None:
    Path("street.yaml").write_text(CONFIG.replace("19", "8").replace("cityscapes_8", "vkitti2_8"))
    run("fit", "--trainer.default_root_dir=runs/eight")
    words = ("--trainer.default_root_dir=runs/eight", "--data.label_space=cityscapes_19")
    run("test", *words)
    said = " ".join(capsys.readouterr().out.split())
    assert "8 classes are read as the data's 19 (left out: vehicle; never predicted: sidew" in said


def test_a_head_that_knows_no_names_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    content = torch.load(CHECKPOINT, weights_only=True)
    assert content["class_names"]["segmentation"] == list(CITYSCAPES_19.labels.names)
    del content["class_names"]
    torch.save(content, CHECKPOINT)
    with pytest.raises(SystemExit):
        run("test", "--data.label_space=vkitti2_8")
    message = capsys.readouterr().err
    assert "is 19, but the data has 8 classes" in message
    assert "`names`" in message
    # Named in the config, they will do.
    names = f"names: {list(CITYSCAPES_19.labels.names)}"
    Path("street.yaml").write_text(CONFIG.replace("classes: 19", f"classes: 19, {names}"))
    run("test", "--data.label_space=vkitti2_8")
    assert "19 classes are read as the data's 8" in capsys.readouterr().out


def test_training_does_not_map(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("fit", "--data.label_space=vkitti2_8")
    assert "is 19, but the data has 8 classes" in capsys.readouterr().err
