"""A model out of a checkpoint and the config beside it. (`tests/test_predict.py` has more.)"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import vtagml
from datamodules import CentreCrop, Resize
from tests.inference.conftest import SETTINGS
from vtagml.affinity import TROA, Affinity, Fixed, Uniform, read_state
from vtagml.backbone import Backbone, SwinV2Nano
from vtagml.experts import GivenOrder
from vtagml.inference.trained import STARTS, TrainedRun, built, checkpoint_of, config_beside
from vtagml.tasks import Classification, Depth
from vtagml.tuning import Tuning


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


NANO = "vtagml.backbone.SwinV2Nano"


@pytest.mark.parametrize(
    "settings",
    [
        NANO,
        {"class_path": NANO},
        {"class_path": NANO, "init_args": {"weights": "hub", "drop_path": 0.1}},
    ],
)
def test_a_backbone_needs_no_weights(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vtagml.backbone.swin.SHIPPED", "gone")
    with pytest.raises((FileNotFoundError, ValueError), match=r"gone|no hub"):
        built(Backbone, settings)
    assert isinstance(built(Backbone, settings, STARTS), SwinV2Nano)


class Handing(TROA):
    def __init__(self, tasks: Sequence[str], **options: Any) -> None:
        super().__init__(tasks, **options)


@pytest.mark.parametrize("kind", [TROA, Handing])
def test_an_affinity_needs_no_file(kind: type[TROA]) -> None:
    arguments = {"initial": "gone.json", "start": 3}
    settings = {"class_path": f"{kind.__module__}.{kind.__name__}", "init_args": arguments}
    affinity = built(Callable[[Sequence[str]], Affinity], settings, STARTS)(["depth", "edges"])
    assert affinity.omega.isfinite().all()
    assert affinity.start == 3
    uniform = built(Callable[[Sequence[str]], Affinity], "vtagml.affinity.Uniform", STARTS)
    assert isinstance(uniform(["depth", "edges"]), Uniform)


def test_experts_are_taken_from_the_checkpoint_not_made_again() -> None:
    images = {"class_path": "vtagml.experts.CoActivation", "init_args": {"images": "gone"}}
    tuning = "vtagml.tuning.MoEfiedLoRA"
    given = {"class_path": tuning, "init_args": {"experts": 4, "clustering": images}}
    for settings, experts in ((given, 4), (tuning, 16)):
        found = built(Tuning, settings, STARTS)
        assert isinstance(found.clustering, GivenOrder)
        assert found.experts == experts


class Kept:
    def __init__(self, backbone: Backbone, weights: str = "of no backbone") -> None:
        self.backbone, self.weights = backbone, weights


def test_only_starts_are_left_out() -> None:
    backbone = {"class_path": NANO, "init_args": {"weights": "hub", "image_size": [64, 64]}}
    settings = {"class_path": f"{__name__}.Kept", "init_args": {"backbone": backbone}}
    found = built(Kept, settings, STARTS)
    assert found.weights == "of no backbone"
    assert found.backbone.image_size == (64, 64)


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


SHAPES = {"class_path": "datamodules.SceneObjects", "init_args": {"image_size": [64, 64]}}
BIRDS = {"class_path": "datamodules.CUB", "init_args": {"root": "gone", "image_size": [64, 64]}}
MIXED = {"class_path": "datamodules.Mixture", "init_args": {"parts": [BIRDS, SHAPES]}}
GONE = {"class_path": "my.Data", "init_args": {"image_size": [64, 64]}}


@pytest.mark.parametrize(
    ("data", "expected"),
    [(SHAPES, Resize), (GONE, Resize), (BIRDS, CentreCrop), (MIXED, CentreCrop)],
    ids=["no view", "unknown", "one set", "a mixture"],
)
def test_whole_images_are_shown_as_in_training(
    data: dict[str, Any], expected: type, copied: Path
) -> None:
    trained = TrainedRun(copied)
    trained.settings["data"] = data
    (view,) = trained.views([Classification("shape", 3)]) or ()
    assert type(view) is expected
    assert view.size == (64, 64)  # type: ignore[attr-defined]
    assert trained.views([Classification("shape", 3), Depth()]) is None
