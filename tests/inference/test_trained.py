"""A model out of a checkpoint and the config beside it. (`tests/test_predict.py` has more.)"""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
import yaml

import vtagml
from tests.inference.conftest import SETTINGS
from vtagml.affinity import Fixed, read_state
from vtagml.experts import GivenOrder
from vtagml.inference.trained import TrainedRun, checkpoint_of, config_beside, without_starts
from vtagml.tuning import MoEfiedLoRA


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(run, tmp_path / "copied")


def test_a_run_folder_stands_for_its_newest_whole_checkpoint(copied: Path) -> None:
    last = copied / "checkpoints" / "last.ckpt"
    assert checkpoint_of(copied) == last
    assert checkpoint_of(last) == last
    assert checkpoint_of(copied / "checkpoints") == last
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


def test_the_config_beside_a_checkpoint_comes_first(tmp_path: Path) -> None:
    """A checkpoint that was handed on with its config may lie in the folder of another run."""
    handed = tmp_path / "from_a_friend" / "last.ckpt"
    handed.parent.mkdir()
    (tmp_path / "config.yaml").touch()
    with pytest.raises(FileNotFoundError, match=r"from_a_friend/config\.yaml`\. Keep"):
        config_beside(handed)
    (handed.parent / "config.yaml").touch()
    assert config_beside(handed) == handed.parent / "config.yaml"
    # A run keeps its checkpoints a folder further down, which may have a config of its own.
    kept = tmp_path / "checkpoints" / "last.ckpt"
    kept.parent.mkdir()
    assert config_beside(kept) == tmp_path / "config.yaml"
    (kept.parent / "config.yaml").touch()
    assert config_beside(kept) == kept.parent / "config.yaml"


def test_an_empty_folder_of_checkpoints_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no file `[^`]*/checkpoints/last\.ckpt`") as error:
        checkpoint_of(tmp_path / "checkpoints")
    assert str(error.value).count("/checkpoints/") == 1


@pytest.mark.parametrize(
    "backbone",
    [
        {"class_path": "vtagml.backbone.SwinV2"},
        {"class_path": "vtagml.backbone.SwinV2", "init_args": {"weights": "hub"}},
        "vtagml.backbone.SwinV2",
    ],
)
def test_weights_that_would_be_downloaded_are_left_out(backbone: object) -> None:
    found = without_starts({"backbone": backbone, "file": "last.ckpt"})
    weights = {"class_path": "vtagml.backbone.SwinV2", "init_args": {"weights": None}}
    assert found == {"backbone": weights, "file": "last.ckpt"}


def test_a_class_without_a_start_gets_none() -> None:
    uniform = {"class_path": "vtagml.affinity.Uniform"}
    assert without_starts(uniform) == uniform
    troa = without_starts({"class_path": "vtagml.affinity.TROA"})
    assert troa["init_args"] == {"initial": None}


def test_experts_are_taken_from_the_checkpoint_not_made_again() -> None:
    images = {"class_path": "vtagml.experts.CoActivation", "init_args": {"images": "gone"}}
    tuning = {"class_path": "vtagml.tuning.MoEfiedLoRA"}
    given = tuning | {"init_args": {"experts": 4, "clustering": images}}
    for settings, arguments in ((given, {"experts": 4}), (tuning["class_path"], {})):
        found = without_starts({"tuning": settings})["tuning"]
        assert found == tuning | {"init_args": {**arguments, "clustering": None}}
    assert isinstance(MoEfiedLoRA(clustering=None).clustering, GivenOrder)


def test_a_fixed_affinity_is_loaded_without_its_file(copied: Path, tmp_path: Path) -> None:
    rows = [[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5]]
    fixed = Fixed(["segmentation", "depth", "normals"], rows)
    (tmp_path / "affinity.json").write_text(json.dumps(fixed.state()))
    assert read_state(tmp_path / "affinity.json")["omega"] == rows
    arguments = SETTINGS["model"]["init_args"]
    values = {"values": str(tmp_path / "affinity.json")}
    affinity = {"class_path": "vtagml.affinity.Fixed", "init_args": values}
    settings = SETTINGS["model"] | {"init_args": arguments | {"affinity": affinity}}
    file = copied / "checkpoints" / "last.ckpt"
    content = torch.load(file)
    state = content["state_dict"]
    for name in [name for name in state if name.startswith("network.affinity.")]:
        del state[name]
    state |= {f"network.affinity.{name}": value for name, value in fixed.state_dict().items()}
    torch.save(content, file)
    (copied / "config.yaml").write_text(yaml.safe_dump(SETTINGS | {"model": settings}))
    (tmp_path / "affinity.json").unlink()
    omega = vtagml.load(copied, device="cpu").module.network.affinity.omega
    assert omega.tolist() == rows


def test_a_checkpoint_says_where_it_comes_from(copied: Path) -> None:
    trained = TrainedRun(copied)
    trained.content["global_step"] = 7
    origin = {"file": "last.ckpt", "step": 7, "commit": None}
    assert trained.origin == origin
    for text in ("{", "[]", "{}", '{"provenance": null}'):
        (copied / "metrics.json").write_text(text)
        assert trained.origin == origin
    commit = {"hash": "abc", "dirty": False}
    (copied / "metrics.json").write_text(json.dumps({"provenance": {"commit": commit}}))
    assert trained.origin == origin | {"commit": commit}


def test_classes_are_called_as_in_training(run: Path) -> None:
    trained = TrainedRun(run)
    names = [f"kind {index}" for index in range(8)]
    trained.content["class_names"] = {"segmentation": names, "depth": 3}
    assert trained.model().tasks["segmentation"].class_names == tuple(names)
    # What is no list of eight names is left alone.
    for odd in ({"segmentation": names[1:]}, {"segmentation": "abcdefgh"}, None):
        trained.content["class_names"] = odd
        assert trained.model().tasks["segmentation"].class_names is None


def test_the_size_of_a_mixture_is_that_of_its_parts(copied: Path) -> None:
    config = copied / "config.yaml"
    settings = yaml.safe_load(config.read_text())
    part = {"class_path": "datamodules.SceneObjects", "init_args": {"image_size": [32, 64]}}
    settings["data"] = {"class_path": "datamodules.Mixture", "init_args": {"parts": [part]}}
    config.write_text(yaml.safe_dump(settings))
    trained = TrainedRun(copied)
    assert trained.image_size == (32, 64)
    assert trained.labels.keys() == {"shape", "material", "colour"}
