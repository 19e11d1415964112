"""Data that is not there, or not all of it: what users are told, when, and what then works."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from jsonargparse import dict_to_namespace
from lightning import LightningDataModule

import datamodules
from tests.fakes import folders
from tests.fakes.errors import error_of
from tests.fakes.small import SMALL_FILES
from vtagml.backbone import TimmBackbone
from vtagml.building import locate_data
from vtagml.cli import main
from vtagml.module import MultitaskModule

pytestmark = pytest.mark.usefixtures("no_pictures", "own_folder")  # they are looked at elsewhere
EXPERIMENTS = Path(__file__).parents[1] / "experiments"
CONFIGS = [f"--config={EXPERIMENTS / name}.yaml" for name in ("folders_sdn", "small")]
FIT = ["fit", *CONFIGS, *SMALL_FILES, "--data.root=mine"]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network is built, and no weights are asked for."""
    monkeypatch.setattr(TimmBackbone, "_create", lambda *_: pytest.fail("a network was built"))


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("experiment", "dataset"),
    [
        ("cityscapes_sdn", "cityscapes"),
        ("nyudv2_sdne", "nyudv2"),
        ("pascal_context_sphne", "pascal_context"),
        ("taskonomy_sdne", "taskonomy"),
        ("folders_sdn", "folders"),
        ("synthia_to_cityscapes_sd", "synthia"),
        ("vkitti2_to_cityscapes_sd", "vkitti2"),
    ],
)
def test_missing_data_is_said_before_a_network_is_built(
    experiment: str, dataset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = error_of(["fit", f"--config={EXPERIMENTS / experiment}.yaml"], capsys)
    assert f"`root` is `data/{dataset}`, which does not exist" in message
    assert f"lightning scenes --as {dataset} --out data/{dataset}" in message
    assert not Path("runs").exists()


def test_looking_for_data_draws_no_random_number() -> None:
    folders.write_tree(Path("mine"))
    content = yaml.safe_load((EXPERIMENTS / "folders_sdn.yaml").read_text())
    content["data"]["init_args"]["root"] = "mine"
    config = dict_to_namespace(content)
    before = torch.get_rng_state()
    locate_data(config, "fit")
    assert torch.equal(torch.get_rng_state(), before)
    assert "tasks" not in config.data.init_args  # the model is still asked for them


class Bare(LightningDataModule):
    """Of a user's own, which is built once and has no arguments, so none for tasks."""

    def __init__(self) -> None:
        super().__init__()


class OwnFolders(datamodules.Folders):
    """Has tasks of its own."""

    def __init__(self, root: str) -> None:
        super().__init__(root, image_size=(64, 96), tasks=["depth"])


def own_model() -> MultitaskModule:
    raise NotImplementedError


OWN = {
    "bare data": {"data": {"class_path": f"{__name__}.Bare"}},
    "a function for a class": {"model": {"class_path": f"{__name__}.own_model"}},
}


@pytest.mark.parametrize("own", OWN)
def test_classes_of_ones_own_are_left_to_the_run(own: str) -> None:
    content = yaml.safe_load((EXPERIMENTS / "folders_sdn.yaml").read_text())
    locate_data(dict_to_namespace(content | OWN[own]), "fit")


def test_data_that_take_no_tasks_are_looked_for_too() -> None:
    content = yaml.safe_load((EXPERIMENTS / "folders_sdn.yaml").read_text())
    own = {"class_path": f"{__name__}.OwnFolders", "init_args": {"root": "mine"}}
    with pytest.raises(FileNotFoundError, match="`root` is `mine`, which does not exist"):
        locate_data(dict_to_namespace(content | {"data": own}), "fit")


def test_data_without_arguments_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    data = f"--data={__name__}.Bare"
    assert "should be one of our datasets, found `Bare`" in error_of(
        ["check", CONFIGS[0], data], capsys
    )


@pytest.mark.usefixtures("no_network")
def test_check_says_what_an_absent_split_means(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(folders.write_tree(Path("mine")) / "val")
    main(["check", *CONFIGS, "--data.root=mine"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "Nothing is wrong."
    assert lines[-2].startswith("val: no samples.")
    assert "found only `train`, `test`" in lines[-2]
    assert "fit without validation, by `--trainer.limit_val_batches 0`" in lines[-2]


def test_fit_without_validation_does_as_the_error_says(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(folders.write_tree(Path("mine")) / "val")
    assert "by `--trainer.limit_val_batches 0`" in error_of(FIT, capsys)
    main([*FIT, "--trainer.limit_val_batches", "0", "--trainer.default_root_dir=run"])
    assert torch.load("run/checkpoints/last.ckpt", weights_only=True)["global_step"] == 2
    assert json.loads(Path("run/metrics.json").read_text())["metrics"]["model"]["depth"]


@pytest.mark.slow
def test_fit_without_a_test_split_does_as_the_warning_says() -> None:
    shutil.rmtree(folders.write_tree(Path("mine")) / "test")
    with pytest.warns(UserWarning, match=r"left out\. .* by `--test_after_fit false`"):
        main(FIT)
    main([*FIT, "--test_after_fit", "false", "--trainer.default_root_dir=run"])
    assert Path("run/checkpoints/last.ckpt").is_file()


def test_missing_label_is_said_though_it_would_not_be_drawn(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = folders.write_tree(Path("mine"))
    for number in range(6):
        folders.write_picture(root, "train", f"{number}")
    (root / "train/depth/5.png").unlink()
    message = error_of([*FIT, "--trainer.max_steps=1"], capsys)
    assert "found 1 of these files missing: `mine/train/depth/5.png`" in message
    assert message.count("\n") == 1
