from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.benchmark.plans import EXPERIMENT, ROWS, cells_of, write_plan
from vtagml.launching import as_typed


def test_words_of_a_training() -> None:
    own = {**ROWS[0], "overrides": {"data.val": 200, "trainer.logger": False}}
    cell = cells_of(write_plan([own]))["base/1"]
    assert as_typed(cell.command()) == (
        "lightning fit --config scenes.yaml --data.val=200 --trainer.logger=false "
        "--seed_everything=1 --data.seed=1 --trainer.default_root_dir=out/base/1"
    )
    assert "--ckpt_path=last --trainer" in as_typed(cell.command(resume=True))
    assert cell.log == Path("out/base/1.log")


def test_words_of_a_row_that_starts_from_another() -> None:
    cell = cells_of(write_plan())["other/1"]
    assert "--trainer.callbacks.checkpoint=out/base/1 --seed" in as_typed(cell.command())


def test_words_of_a_row_that_reads_a_file_of_another() -> None:
    values = {"class_path": "vtagml.affinity.Fixed", "init_args": {"values": "{source}/a.json"}}
    own = {"name": "other", "needs": "base", "overrides": {"model.affinity": values}}
    cell = cells_of(write_plan([ROWS[0], own]))["other/1"]
    words = as_typed(cell.command())
    assert '"init_args": {"values": "out/base/1/a.json"}' in words
    assert "trainer.callbacks" not in words
    assert cell.settings["model.affinity.values"] == "out/base/1/a.json"
    assert cell.source is not None
    assert cell.source.name == "base/1"


def test_a_file_that_all_seeds_share_stays_it() -> None:
    own = {"name": "other", "needs": "base", "overrides": {"model.file": "out/base/0/a.json"}}
    cell = cells_of(write_plan([ROWS[0], own]))["other/1"]
    assert cell.settings["model.file"] == "out/base/0/a.json"
    assert "--trainer.callbacks.checkpoint=out/base/1" in cell.words


def test_words_of_a_test() -> None:
    tested = {"name": "tested", "test": "base"}
    cell = cells_of(write_plan([ROWS[0], tested]))["tested/0"]
    assert as_typed(cell.command()) == (
        "lightning test --config scenes.yaml --ckpt_path=out/base/0/checkpoints/last.ckpt "
        "--seed_everything=0 --data.seed=0 --trainer.default_root_dir=out/tested/0"
    )


SCENES = {"class_path": "datamodules.Scenes", "init_args": {"seed": 0}}


@pytest.mark.parametrize(
    ("value", "word"),
    [(None, "null"), (True, "true"), ("1e-2", "1e-2"), ([64, 64], "[64, 64]"), (0.5, "0.5")],
)
def test_values_as_words(value: Any, word: str) -> None:
    cell = cells_of(write_plan([{**ROWS[0], "overrides": {"data.key": value}}]))["base/0"]
    assert f"--data.key={word}" in cell.words


def test_two_domains_have_a_seed_each() -> None:
    path = write_plan([ROWS[0]])
    data = {
        "class_path": "datamodules.Adaptation",
        "init_args": {"source": SCENES, "target": SCENES},
    }
    Path("scenes.yaml").write_text(yaml.safe_dump({**EXPERIMENT, "data": data}))
    cell = cells_of(path)["base/1"]
    own = ["--data.source.init_args.seed=1", "--data.target.init_args.seed=1"]
    assert [word for word in cell.words if ".seed" in word] == own
    assert cell.settings["data.source.seed"] == cell.settings["seed_everything"] == 1


def test_a_method_is_a_base_with_overlays() -> None:
    cell = cells_of(write_plan([{**ROWS[0], "overlays": ["frozen.yaml"]}]))["base/0"]
    assert as_typed(cell.words).startswith(
        "lightning fit --config scenes.yaml --config frozen.yaml"
    )
    assert cell.settings["model.encoder"] == "vtagml.encoders.Frozen"
    assert cell.settings["data.val"] == 100
