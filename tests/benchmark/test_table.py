from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmark.plans import ROWS, drive, write_plan
from tests.benchmark.stand_in import resolve
from vtagml.benchmark import (
    SettingTable,
    all_cells,
    outcome_of,
    read_plan,
    setting_table,
    table_text,
)

LATER: dict[str, Any] = {"name": "later"}
NUMBERS: dict[str, Any] = {
    "base/0": {"rmse": 0.8, "miou": 0.4},
    "base/1": {"rmse": 1.2, "miou": 0.4},
    "other/0": {"rmse": 0.9, "miou": 0.5},
    "other/1": {"fate": "fails"},
}


def tables(path: Path, fates: Mapping[str, Any], leave: Sequence[str] = ()) -> list[SettingTable]:
    """The tables after all rows but some have run."""
    plan = read_plan(path)
    cells = all_cells(plan, plan.out, resolve)
    drive([cell for cell in cells if cell.row.name not in leave], fates, 4)
    outcomes = {cell: outcome_of(cell) for cell in cells}
    return [setting_table(setting, outcomes) for setting in plan.settings]


def test_means_spreads_and_an_empty_row() -> None:
    path = write_plan([*ROWS, LATER], setting={"baseline": "base"})
    (table,) = tables(path, NUMBERS, leave=["later"])
    assert table.sheet.header == (
        *("method", "seeds", "segmentation mIoU % ↑", "depth RMSE m ↓", "Δm % ↑"),
    )
    prior, *rows = table.sheet.rows
    assert prior == ("image-blind prior", "–", "25.00", "1.000", "–")
    assert rows == [
        # Depth: mean (0.8 + 1.2) / 2, sd √((0.2² + 0.2²) / 1) = 0.283. Δm of the seeds:
        # segmentation 0 and 0 %, depth +20 and −20 %, so +10 and −10, whose sd is √200 = 14.14.
        ("base", "2", "40.00 ± 0.00", "1.000 ± 0.283", "+0.00 ± 14.14"),
        # (0.5 / 0.4 − 1 = 25 %, 1 − 0.9 / 1.0 = 10 %) / 2 = 17.5 %.
        ("The other", "1 of 2", "50.00", "0.900", "+17.50"),
        ("later", "0 of 2", "–", "–", "–"),
    ]


def test_every_number_has_its_run_and_every_empty_cell_its_command() -> None:
    path = write_plan([*ROWS, LATER], setting={"baseline": "base"})
    made = tables(path, NUMBERS, leave=["later"])
    text = table_text(read_plan(path), made)
    assert "| The other | 1 of 2 | 50.00 | 0.900 | +17.50 |" in text
    assert (
        "- The other: `out/other/0`, 0123456789abcdef, `vtagml fit --config scenes.yaml "
        "--trainer.callbacks.checkpoint=out/base/0 --seed_everything=0"
    ) in text
    assert "- later/1, not run: `lightning fit --config scenes.yaml --seed_everything=1" in text
    assert "- other/1, failed: `lightning fit" in text
    assert "      error: no luck" in text
    assert "`lightning report out/base/0 out/other/0 out/base/1` has the rest." in text
    assert "One seed only, so no spread: The other." in text


def test_nothing_was_run() -> None:
    (table,) = tables(write_plan(), {}, leave=["base", "other"])
    assert table.sheet.header == ("method", "seeds")
    assert table.sheet.rows == (("base", "0 of 2"), ("The other", "0 of 2"))


def test_without_its_baseline_a_table_has_no_delta() -> None:
    path = write_plan([*ROWS, LATER], setting={"baseline": "later"})
    (table,) = tables(path, {}, leave=["later"])
    assert "Δm % ↑" not in table.sheet.header


def test_runs_that_do_not_compare_are_in_no_table() -> None:
    made = tables(write_plan(seeds=[0]), {"other/0": {"layout": "street"}})
    assert made[0].sheet.header == ("method", "seeds")
    text = table_text(read_plan(Path("plan.yaml")), made)
    assert "data.layout: room in `out/base/0`; street in `out/other/0`" in text


def test_what_was_made_otherwise_is_in_no_table() -> None:
    path = write_plan([ROWS[0], LATER], seeds=[0], out="a place")
    tables(path, {})
    changed = [{**ROWS[0], "overrides": {"data.val": 7}}, LATER]
    path = write_plan(changed, seeds=[0], out="a place")
    made = tables(path, {})
    assert [row[:2] for row in made[0].sheet.rows[1:]] == [("base", "0 of 1"), ("later", "1")]
    text = table_text(read_plan(path), made)
    assert "- base/0, made otherwise than the plan says: `lightning fit" in text
    assert "\n  - data.val: 100 in the run, 7 in the plan" in text
    assert "`lightning report 'a place/later/0'` has the rest." in text
