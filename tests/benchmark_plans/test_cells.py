from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.benchmark_plans.plans import EXPERIMENT, ROWS, cells_of, write_plan
from vtagml.benchmark import shown

FROZEN = {
    "model": {
        "init_args": {
            "encoder": {"class_path": "vtagml.encoders.Frozen"},
            "optimizer": {"init_args": {"lr": 0.01}},
        }
    }
}


def test_words_of_a_training() -> None:
    own = {**ROWS[0], "overrides": {"data.val": 200, "trainer.logger": False}}
    cell = cells_of(write_plan([own]))["base/1"]
    assert shown(cell.words()) == (
        "lightning fit --config scenes.yaml --data.val=200 --trainer.logger=false "
        "--seed_everything=1 --data.seed=1 --trainer.default_root_dir=out/base/1"
    )
    assert "--ckpt_path=last --trainer" in shown(cell.words(resume=True))
    assert cell.log == Path("out/base/1.log")


def test_words_of_a_base_with_overlays() -> None:
    path = write_plan([{**ROWS[0], "overlays": ["frozen.yaml"]}], overlays={"frozen.yaml": FROZEN})
    cell = cells_of(path)["base/0"]
    assert shown(cell.words()).startswith(
        "lightning fit --config scenes.yaml --config frozen.yaml --seed_everything=0"
    )
    model = cell.experiment["model"]["init_args"]
    assert model["encoder"] == FROZEN["model"]["init_args"]["encoder"]
    assert model["optimizer"]["init_args"] == {"lr": 0.01}
    assert model["tasks"] == EXPERIMENT["model"]["init_args"]["tasks"]


def test_words_of_a_row_that_starts_from_another() -> None:
    cell = cells_of(write_plan())["other/1"]
    assert "--model.source.init_args.checkpoint=out/base/1 --seed" in shown(cell.words())


def test_words_of_a_test() -> None:
    tested = {"name": "tested", "config": "scenes.yaml", "test": "base"}
    cell = cells_of(write_plan([ROWS[0], tested]))["tested/0"]
    assert shown(cell.words()) == (
        "lightning test --config scenes.yaml --ckpt_path=out/base/0/checkpoints/last.ckpt "
        "--seed_everything=0 --data.seed=0 --trainer.default_root_dir=out/tested/0"
    )


@pytest.mark.parametrize(
    ("value", "word"),
    [(None, "null"), (True, "true"), ("1e-2", "1e-2"), ([64, 64], "[64, 64]"), (0.5, "0.5")],
)
def test_values_as_words(value: Any, word: str) -> None:
    cell = cells_of(write_plan([{**ROWS[0], "overrides": {"data.key": value}}]))["base/0"]
    assert cell.settings["data.key"] == word


def test_two_domains_have_a_seed_each() -> None:
    path = write_plan([ROWS[0]])
    data = {"class_path": "datamodules.Adaptation", "init_args": {"source": {}, "target": {}}}
    Path("scenes.yaml").write_text(yaml.safe_dump({**EXPERIMENT, "data": data}))
    settings = cells_of(path)["base/1"].settings
    assert "data.seed" not in settings
    assert settings["data.source.init_args.seed"] == "1"
    assert settings["data.target.init_args.seed"] == "1"


def test_an_experiment_that_is_none() -> None:
    path = write_plan([ROWS[0]])
    Path("scenes.yaml").write_text("word")
    with pytest.raises(ValueError, match="must be an experiment, found 'word'"):
        cells_of(path)["base/0"].words()
