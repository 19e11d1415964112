"""How a cell compares with what is in its folder."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.benchmark.plans import ROWS, cells_of, drive, write_plan
from tests.benchmark.stand_in import put, resolve
from vtagml.benchmark import Cell, State, outcome_of
from vtagml.benchmark.resolved import differences, settings_of

TESTED = {"name": "tested", "test": "base"}


def base_cell(**overrides: Any) -> Cell:
    return cells_of(write_plan([{**ROWS[0], "overrides": overrides}], seeds=[0]))["base/0"]


def changes(cell: Cell) -> Sequence[str]:
    return outcome_of(cell).changes


def rewrite(folder: Path, key: str, value: Any) -> None:
    file = folder / "config.yaml"
    config = yaml.safe_load(file.read_text())
    put(config, key.split("."), value)
    file.write_text(yaml.safe_dump(config))


def test_what_the_plan_gives_is_what_a_run_has_by_default() -> None:
    drive([base_cell()])
    assert outcome_of(base_cell(**{"data.val": 100})).state is State.FINISHED


def test_a_setting_that_is_null_is_as_good_as_absent() -> None:
    drive([base_cell()])
    assert outcome_of(base_cell(**{"model.brought_later": "null"})).state is State.FINISHED
    cell = base_cell(**{"trainer.max_steps": "null"})
    assert changes(cell) == ("trainer.max_steps: 380 in the run, nothing in the plan",)


def test_another_value_and_where_it_comes_from() -> None:
    drive([base_cell(**{"data.val": 200, "data.train": 80})])
    assert set(changes(base_cell(**{"data.val": 300}))) == {
        "data.val: 200 in the run, 300 in the plan",
        "data.train: 80 in the run, nothing in the plan",
    }


def test_another_seed() -> None:
    cell = base_cell()
    drive([cell])
    rewrite(cell.folder, "data.seed", 1)
    assert changes(cell) == ("data.seed: 1 in the run, 0 in the plan",)


def test_what_the_experiment_says_otherwise_since() -> None:
    drive([base_cell()])
    cell = base_cell()
    config = yaml.safe_load(Path("scenes.yaml").read_text())
    model = config["model"]["init_args"]
    model["optimizer"]["init_args"]["lr"] = 0.001
    model["encoder"] = {"class_path": "vtagml.encoders.Frozen", "init_args": {"rank": 4}}
    del model["tasks"][1]
    Path("scenes.yaml").write_text(yaml.safe_dump(config))
    # Of another class or number what is in it is no news.
    assert set(changes(cell)) == {
        "model.optimizer.lr: 0.005 in the run, 0.001 in the plan",
        "model.tasks: '2 values' in the run, '1 values' in the plan",
        "model.encoder: 'vtagml.encoders.VTAGML' in the run, 'vtagml.encoders.Frozen' in the plan",
    }


def test_the_same_by_another_overlay_is_the_same() -> None:
    drive([base_cell()])
    Path("again.yaml").write_text("data: {init_args: {val: 100}}")
    path = write_plan([{**ROWS[0], "overlays": ["again.yaml"]}], seeds=[0])
    assert outcome_of(cells_of(path)["base/0"]).state is State.FINISHED


def test_an_option_that_another_version_did_not_have() -> None:
    cell = base_cell()
    drive([cell])

    def newer(words: Sequence[str]) -> dict[str, Any]:
        config = resolve(words)
        config["trainer"].setdefault("newer", 3)
        return config

    for value, state in ((3, State.FINISHED), (4, State.CHANGED)):
        planned = base_cell(**({} if value == 3 else {"trainer.newer": value}))
        planned.resolve = newer
        assert outcome_of(planned).state is state


def test_a_moved_folder_is_the_same_folder() -> None:
    path = write_plan(seeds=[0])
    drive(list(cells_of(path).values()))
    shutil.move("out", "place")
    moved = write_plan(seeds=[0], out="place")
    assert {outcome_of(cell).state for cell in cells_of(moved).values()} == {State.FINISHED}
    config = Path("place/other/0/config.yaml")
    config.write_text(config.read_text().replace("out/base/0", "out/sauce/0"))
    assert changes(cells_of(moved)["other/0"]) == (
        "trainer.callbacks.0.checkpoint: 'place/sauce/0' in the run, 'place/base/0' in the plan",
    )


def test_a_test_is_compared_by_its_command() -> None:
    path = write_plan([ROWS[0], TESTED], seeds=[0])
    drive(list(cells_of(path).values()))
    shutil.move("out", "place")
    tested = cells_of(write_plan([ROWS[0], TESTED], seeds=[0], out="place"))["tested/0"]
    assert not (tested.folder / "config.yaml").exists()
    assert outcome_of(tested).state is State.FINISHED
    metrics = tested.folder / "metrics.json"
    metrics.write_text(metrics.read_text().replace("base/0/ch", "base/1/ch"))
    assert changes(tested) == (
        "checkpoint: 'place/base/1/checkpoints/last.ckpt' in the run, "
        "'place/base/0/checkpoints/last.ckpt' in the plan",
    )
    metrics.write_text(metrics.read_text().replace("data.seed=0", "data.seed=2"))
    assert "data.seed: 2 in the run, 0 in the plan" in changes(tested)


def test_a_training_that_was_tested_otherwise_since() -> None:
    cell = base_cell()
    drive([cell])
    metrics = cell.folder / "metrics.json"
    metrics.write_text(metrics.read_text().replace("vtagml fit", "vtagml test"))
    assert changes(cell) == ("command: test in the run, fit in the plan",)


def test_a_run_without_its_config() -> None:
    cell = base_cell()
    drive([cell])
    (cell.folder / "config.yaml").unlink()
    assert changes(cell) == ("there is no `out/base/0/config.yaml`",)


@pytest.mark.parametrize(
    ("ran", "planned", "count"),
    [(1, True, 1), (1, 1, 0), (1, 1.0, 1), (1, "1", 1), (None, {"class_path": "a.B"}, 1)],
)
def test_yes_is_not_one(ran: Any, planned: Any, count: int) -> None:
    kept, wanted = (settings_of({"trainer": {"devices": value}}) for value in (ran, planned))
    assert len(differences(kept, wanted)) == count
