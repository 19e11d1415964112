"""Every multitask config on a real dataset has a single-task baseline on the same footing."""

from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "experiments"
DATASETS = ("cityscapes", "nyudv2", "synthia", "taskonomy", "vkitti2")
MULTITASK = sorted(
    path
    for name in DATASETS
    for tasks in ("sd", "sdn", "sdn_13", "sdne")
    for path in FOLDER.glob(f"{name}_{tasks}.yaml")
)


@pytest.mark.parametrize("config", MULTITASK, ids=lambda path: path.stem)
def test_only_the_method_differs(config: Path) -> None:
    multitask = yaml.safe_load(config.read_text())
    single = yaml.safe_load(config.with_name(f"{config.stem}_single_task.yaml").read_text())
    assert single["data"] == multitask["data"]
    assert single["trainer"] == multitask["trainer"]
    one, other = multitask["model"].pop("init_args"), single["model"].pop("init_args")
    assert single["model"] == multitask["model"]
    for part in ("tasks", "decoders", "optimizer", "schedule"):
        assert other[part] == one[part], part
    backbone = one["encoder"]["init_args"]["backbone"]
    assert other["encoder"] == {
        "class_path": "vtagml.encoders.SingleTask",
        "init_args": {"backbone": backbone},
    }
    assert other["affinity"] == {"class_path": "vtagml.affinity.Uniform"}


def test_the_small_overlay_is_the_multitask_one_without_what_only_that_has() -> None:
    multitask = yaml.safe_load((FOLDER / "small.yaml").read_text())
    del multitask["model"]["init_args"]["encoder"]["init_args"]["blocks"]
    del multitask["model"]["init_args"]["affinity"]
    assert yaml.safe_load((FOLDER / "small_single_task.yaml").read_text()) == multitask
