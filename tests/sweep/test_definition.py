"""What a sweep's file may say, and what is said of what it may not."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from vtagml.sweep import EarlyStop, read_sweep

SWEEPS = sorted((Path(__file__).parents[2] / "experiments/sweeps").glob("*.yaml"))
GOOD: dict[str, Any] = {
    "program": "lightning",
    "command": ["${env}", "lightning", "fit", "--config", "x.yaml", "${args}"],
    "method": "random",
    "metric": {"name": "val/depth/rmse", "goal": "minimize"},
    "parameters": {"a.b": {"values": [1, 2]}, "c": {"min": 0.1, "max": 1.0}},
    "run_cap": 5,
}


def written(folder: Path, content: Any) -> Path:
    path = folder / "sweep.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_what_the_file_says_is_read(tmp_path: Path) -> None:
    sweep = read_sweep(written(tmp_path, GOOD | {"early_terminate": {
        "type": "hyperband", "min_iter": 3}}))  # fmt: skip
    assert (sweep.method, sweep.metric, sweep.goal, sweep.cap) == (
        "random", "val/depth/rmse", "minimize", 5
    )  # fmt: skip
    assert [own.key for own in sweep.searched] == ["a.b", "c"]
    assert sweep.early == EarlyStop(least=3, factor=3)


def test_a_single_value_is_not_searched(tmp_path: Path) -> None:
    fixed = {"trainer.check_val_every_n_epoch": {"value": 1}}
    content = GOOD | {"parameters": GOOD["parameters"] | fixed}
    sweep = read_sweep(written(tmp_path, content))
    assert [own.key for own in sweep.searched] == ["a.b", "c"]
    assert sweep.parameters["trainer.check_val_every_n_epoch"].values == (1,)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("metod", "grid", "found `metod`"),
        ("method", "bays", "`method` must be one of grid, random, bayes, found 'bays'"),
        ("method", "grid", "`parameters.c` must list its `values` for a grid"),
        ("command", None, "`command` must be like"),
        ("command", ["python", "train.py", "${args}"], "`command` must be like"),
        ("command", ["lightning", "fit"], "`command` must be like"),
        ("metric", {"name": "val/depth/rmse"}, "`metric` must have a `name` and a `goal`"),
        ("metric", {"name": "test/depth/rmse", "goal": "minimize"}, "must be a metric of the val"),
        ("parameters", {}, "`parameters` must name keys"),
        ("parameters", {"a": {"value": 1}}, "with several values, found none"),
        ("parameters", {"a": {"values": [1, None]}}, "write \"null\", in quotes"),
        ("parameters", {"a": {"values": [1, 1]}}, "found one twice"),
        ("parameters", {"a": {"values": 3}}, "must list its `values`"),
        ("parameters", {"a": {"min": "1e-3", "max": 1.0}}, "write 1.0e-3"),
        ("parameters", {"a": {"min": 2, "max": 1}}, "a `min` below its `max`"),
        ("parameters", {"a": {"min": 0, "max": 1, "distribution": "normal"}}, "found 'normal'"),
        ("parameters", {"a": {"min": 0.0, "max": 1.0, "distribution": "log_uniform_values"}},
         "a `min` above 0"),
        ("parameters", {"a": {"parameters": {"b": {"value": 1}}}}, "written with dots"),
        ("early_terminate", {"type": "median"}, "must be of `type: hyperband`"),
        ("early_terminate", {"type": "hyperband"}, "must have `min_iter`"),
        ("early_terminate", {"type": "hyperband", "min_iter": 0}, "`early_terminate.min_iter`"),
        ("run_cap", True, "`run_cap` must be a whole number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(key: str, value: Any, message: str, tmp_path: Path) -> None:
    content = copy.deepcopy(GOOD) | {key: value}
    with pytest.raises(ValueError, match=re.escape(message)):
        read_sweep(written(tmp_path, content))


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"`--local` must be a YAML file, there is no file"):
        read_sweep(tmp_path)
    path = tmp_path / "sweep.yaml"
    path.write_text("a: [")
    with pytest.raises(ValueError, match=r"`--local` must be YAML, `.*sweep.yaml` is not"):
        read_sweep(path)


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_sweep_of_ours_can_be_searched_locally(path: Path) -> None:
    assert read_sweep(path).searched
