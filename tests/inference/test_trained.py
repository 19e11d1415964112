"""A model out of a checkpoint and the config beside it. (`tests/test_predict.py` has more.)"""

import os
import shutil
from pathlib import Path

import pytest
import torch

import vtagml
from tests.inference.conftest import SETTINGS
from vtagml.inference.trained import checkpoint_of, model_of, trained


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(run, tmp_path / "copied")


def test_a_run_folder_stands_for_its_newest_whole_checkpoint(copied: Path) -> None:
    last = copied / "checkpoints" / "last.ckpt"
    assert checkpoint_of(copied) == last
    assert checkpoint_of(last) == last
    older = shutil.copy(last, last.with_name("older.ckpt"))
    os.utime(older, (0, 0))
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.warns(UserWarning, match=r"older\.ckpt"):
        assert checkpoint_of(copied) == older


def test_a_folder_without_checkpoints_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=tmp_path.name):
        vtagml.load(tmp_path)


def test_a_checkpoint_with_code_is_refused(copied: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("true",)

    file = copied / "checkpoints" / "last.ckpt"
    torch.save({"state_dict": {}, "more": Attack()}, file)
    with pytest.raises(ValueError, match="system"):
        vtagml.load(file)


def test_a_foreign_checkpoint_is_refused(copied: Path) -> None:
    file = copied / "checkpoints" / "last.ckpt"
    torch.save({"weights": torch.zeros(1)}, file)
    with pytest.raises(ValueError, match=r"last\.ckpt.*weights"):
        vtagml.load(file)
    torch.save({"state_dict": {"other": torch.zeros(1)}}, file)
    with pytest.raises(ValueError, match="not the config's"):
        vtagml.load(file)


def test_a_checkpoint_apart_from_its_config_needs_one(copied: Path, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere" / "checkpoints" / "last.ckpt"
    alone.parent.mkdir(parents=True)
    shutil.move(copied / "checkpoints" / "last.ckpt", alone)
    with pytest.raises(FileNotFoundError, match=r"config\.yaml"):
        vtagml.load(alone)
    # A config of one's own is taken instead of any beside the checkpoint.
    (alone.parent.parent / "config.yaml").write_text("not: read")
    predictor = vtagml.load(alone, config=copied / "config.yaml", device="cpu")
    assert list(predictor.tasks) == ["segmentation", "depth", "normals"]


def test_classes_are_called_as_in_training(run: Path) -> None:
    content = trained(run / "checkpoints" / "last.ckpt")
    names = [f"kind {index}" for index in range(8)]
    settings = SETTINGS["model"] | {"init_args": SETTINGS["model"]["init_args"] | {"compile": None}}
    model = model_of(settings, content | {"class_names": {"segmentation": names, "depth": 3}})
    assert model.tasks["segmentation"].class_names == tuple(names)
    # What is no list of eight names is left alone.
    for odd in ({"segmentation": names[1:]}, {"segmentation": "abcdefgh"}, None):
        model = model_of(settings, content | {"class_names": odd})
        assert model.tasks["segmentation"].class_names is None
