import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.benchmark_plans.plans import EXPERIMENT, ROWS, cells_of, write_plan
from vtagml.benchmark import Cell
from vtagml.benchmark.sameness import differences

COMMAND = (
    "/some/bin/vtagml fit --config experiments/scenes.yaml --data.val=200 --seed_everything 0 "
    "--trainer.default_root_dir out/base/0"
)


def the_cell(**overrides: Any) -> Cell:
    own = {**ROWS[0], "overrides": {"data.val": 200, **overrides}}
    return cells_of(write_plan([own]))["base/0"]


def resolved(**changes: Any) -> dict[str, Any]:
    """What the run keeps: all of the experiment, with defaults that nobody gave."""
    config = copy.deepcopy(EXPERIMENT)
    config["seed_everything"] = 0
    config["data"]["init_args"] |= {"val": 200, "seed": 0, "image_size": [128, 128]} | changes
    config["trainer"]["default_root_dir"] = "out/base/0"
    return config


def test_a_value_given_or_by_default_is_the_same() -> None:
    # The plan gives `--data.seed 0`, the command does not, the config has it.
    assert differences(the_cell(), COMMAND, resolved()) == []


def test_words_and_values_are_the_same() -> None:
    cell = the_cell(**{"data.image_size": [128, 128], "model.optimizer.init_args.lr": "5e-3"})
    assert differences(cell, COMMAND, resolved()) == []


def test_a_negative_number_in_either_form() -> None:
    cell = the_cell(**{"data.shift": -1e-3})
    assert "--data.shift=-0.001" in cell.words()
    for form in ("--data.shift=-1e-3", "--data.shift -1e-3"):
        assert differences(cell, f"{COMMAND} {form}", resolved(shift=-1e-3)) == []


def test_a_resumed_run_is_the_same() -> None:
    assert differences(the_cell(), f"{COMMAND} --ckpt_path last", resolved()) == []


def test_another_default_is_not() -> None:
    said = differences(the_cell(), COMMAND, resolved(seed=1))
    assert said == ["data.seed: 1 in the run, 0 in the plan"]


def test_another_value() -> None:
    said = differences(the_cell(**{"data.val": 300}), COMMAND, resolved())
    assert said == ["data.val: 200 in the run, 300 in the plan"]


def test_what_the_plan_gives_no_longer() -> None:
    command = f"{COMMAND} --data.train 80"
    said = differences(the_cell(), command, resolved(train=80))
    assert said == ["data.train: 80 in the run, nothing in the plan"]


def test_what_the_experiment_says_otherwise_since() -> None:
    cell = the_cell()
    other = copy.deepcopy(EXPERIMENT)
    other["model"]["init_args"]["optimizer"]["init_args"]["lr"] = 0.001
    del other["model"]["init_args"]["tasks"][1]
    Path("scenes.yaml").write_text(yaml.safe_dump(other))
    assert differences(cell, COMMAND, resolved()) == [
        "model.optimizer.lr: 0.005 in the run, 0.001 in the plan",
        "model.tasks.how many: 2 in the run, 1 in the plan",
    ]


def test_a_class_by_its_name() -> None:
    key = "model.encoder"
    assert differences(the_cell(**{key: "vtagml.encoders.VTAGML"}), COMMAND, resolved()) == []
    said = differences(the_cell(**{key: "vtagml.encoders.Frozen"}), COMMAND, resolved())
    assert said == [
        "model.encoder: vtagml.encoders.VTAGML in the run, vtagml.encoders.Frozen in the plan"
    ]


def test_another_command_and_config() -> None:
    command = COMMAND.replace(" fit ", " test ").replace("scenes.yaml", "other.yaml")
    assert differences(the_cell(), command, resolved()) == [
        "command: test in the run, fit in the plan",
        "config: other.yaml in the run, scenes.yaml in the plan",
    ]


def test_a_moved_folder_is_the_same_folder() -> None:
    key = "trainer.callbacks.checkpoint"
    cell = the_cell(**{key: "out/source/0"})
    command = f"{COMMAND} --{key} old/place/source/0".replace("out/base", "old/place/base")
    config = resolved()
    config["trainer"]["callbacks"] = [{"init_args": {"checkpoint": "old/place/source/0"}}]
    assert differences(cell, command, config) == []
    assert differences(cell, command.replace("place/source", "place/sauce"), config)


def test_a_run_that_was_made_at_the_top() -> None:
    command = COMMAND.replace("out/base/0", "here")
    config = resolved()
    config["trainer"]["default_root_dir"] = "here"
    assert differences(the_cell(), command, config) == []


def test_without_a_config_only_what_is_given_counts() -> None:
    tested = {"name": "tested", "config": "scenes.yaml", "test": "base"}
    cell = cells_of(write_plan([ROWS[0], tested]))["tested/0"]
    command = (
        "vtagml test --config scenes.yaml --ckpt_path out/base/0/checkpoints/last.ckpt "
        "--seed_everything 0 --data.seed 0 --trainer.default_root_dir out/tested/0"
    )
    assert differences(cell, command, None) == []
    said = differences(cell, command.replace("base/0", "base/1"), None)
    assert said == [
        "ckpt_path: out/base/1/checkpoints/last.ckpt in the run, "
        "out/base/0/checkpoints/last.ckpt in the plan"
    ]
    assert differences(cell, command.replace(" --data.seed 0", ""), None) == [
        "data.seed: nothing in the run, 0 in the plan"
    ]


@pytest.mark.parametrize(("value", "count"), [(True, 1), (1, 0), ("1", 0)])
def test_yes_is_not_one(value: Any, count: int) -> None:
    config = resolved()
    config["trainer"]["devices"] = 1
    cell = the_cell(**{"trainer.devices": value})
    assert len(differences(cell, COMMAND, config)) == count
