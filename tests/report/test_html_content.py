from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.report.html_runs import edit, whole_run
from tests.report.run_folders import write_log, write_run
from vtagml.report.finding import look
from vtagml.report.html.content import content
from vtagml.report.html.curves import MOST, curves, panels
from vtagml.report.html.matrices import affinities
from vtagml.report.html.pictures import Budget, gallery
from vtagml.report.runs import read_run
from vtagml.run_folder import plain

PARTS = ("curves", "affinities", "gallery", "parameters", "config")


def shown(folder: Path) -> dict[str, Any]:
    ((seen,), _) = look([folder])
    return content(seen, "mine", Budget(1 << 20))


def test_a_whole_run_has_all_parts(tmp_path: Path) -> None:
    found = shown(whole_run(tmp_path / "run"))
    assert not [part for part in PARTS if "missing" in found[part]]
    assert found["why"] == ""
    assert ["seed", "0"] in found["facts"]
    assert ["commit", "0123456789abcdef"] in found["facts"]
    conflicts = found["conflicts"]
    assert conflicts["header"][1:] == [
        "shared parameters: steps with a negative cosine %",
        "features at the fork: steps with a negative cosine %",
    ]
    assert conflicts["rows"] == [["segmentation · depth", "25.00", "0.00"]]
    assert ["fork" in each["words"] for each in conflicts["pictures"]] == [True]
    first = found["metrics"][0]
    # Shares stand in percent, as in the tables.
    assert first == {
        "task": "segmentation",
        "metric": "mIoU % ↑",
        "headline": True,
        "model": "50.00",
        "prior": "25.00",
    }
    assert found["parameters"] == {
        "rows": [["encoder.backbone", 3, 9, 12]],
        "total": [3, 9, 12],
        "roles": [["backbone frozen", 3, 12, None]],
    }


def test_a_bare_run_says_what_is_missing(tmp_path: Path) -> None:
    found = shown(write_run(tmp_path / "run"))
    assert "no logs of the CSV logger" in found["curves"]["missing"]
    assert "no `affinity.json`" in found["affinities"]["missing"]
    assert "no pictures" in found["gallery"]["missing"]
    assert "no `parameters.json`" in found["parameters"]["missing"]
    assert found["conflicts"] == {"header": ["pair of tasks"], "rows": [], "pictures": []}


def test_an_unfinished_run_shows_what_there_is(tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "run")
    (folder / "metrics.json").unlink()
    found = shown(folder)
    assert "unfinished or was never tested" in found["why"]
    assert (found["facts"], found["metrics"], found["provenance"]) == ([], [], "")
    assert not [part for part in PARTS if "missing" in found[part]]


def test_unfinished_runs_are_shown_when_named(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "a")
    (write_run(tmp_path / "runs" / "b", seed=1) / "metrics.json").unlink()
    seen, left_out = look([tmp_path / "runs"])
    assert [each.folder.name for each in seen] == ["a"]
    assert "runs/b` is a run without" in left_out[0]
    seen, left_out = look(
        [tmp_path / "runs" / "b", tmp_path / "runs" / "a", tmp_path / "runs" / "b"]
    )
    assert [(each.folder.name, each.run is None) for each in seen] == [("b", True), ("a", False)]
    assert left_out == []
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        look([tmp_path / "none"])


def test_curves_are_thinned_and_keep_their_ends(tmp_path: Path) -> None:
    write_log(tmp_path, 0, [{"step": step, "train/loss": step} for step in range(5 * MOST)])
    found = curves(tmp_path)
    x = found["curves"]["train/loss"]["x"]
    assert len(x) == MOST
    assert (x[0], x[-1]) == (0, 5 * MOST - 1)
    assert f"thinned to {MOST}" in found["said"]


def test_curves_are_in_the_units_of_tables(tmp_path: Path) -> None:
    rows = [{"step": 5, "val/segmentation/miou": 0.25, "val/depth/rmse": float("nan")}]
    run = read_run(write_run(tmp_path / "run"))
    write_log(run.folder, 0, rows)
    found = plain(curves(run.folder, [run]))
    assert found["curves"]["val/segmentation/miou"] == {"x": [5], "y": [25.0]}
    assert found["curves"]["val/depth/rmse"] == {"x": [5], "y": [None]}  # JSON has no NaN
    # An unfinished run stands beside a finished one in the same units.
    write_log(tmp_path / "unfinished", 0, rows)
    assert plain(curves(tmp_path / "unfinished", [run])) == found
    assert found["said"] == ""


def test_equal_learning_rates_are_one_curve(tmp_path: Path) -> None:
    row = {"step": 5, "lr-AdamW/pg1": 0.1, "lr-AdamW/pg2": 0.1, "lr-AdamW/pg3": 0.2}
    write_log(tmp_path, 0, [row, {**row, "step": 6}])
    found = curves(tmp_path)["curves"]
    assert list(found) == ["lr-AdamW/pg1", "lr-AdamW/pg3"]
    assert found["lr-AdamW/pg1"] == {"x": [5, 6], "y": [0.1, 0.1]}
    (panel,) = panels(list(found), [])
    assert [each["label"] for each in panel["choices"]] == ["AdamW/pg1", "AdamW/pg3"]


def test_panels_put_headlines_first(tmp_path: Path) -> None:
    keys = [
        "conflicts/depth/normals",
        "lr-AdamW",
        "train/depth/loss",
        "train/loss",
        "val/depth/abs_rel",
        "val/depth/rmse",
        "val/segmentation/miou",
    ]
    found = panels(keys, [read_run(write_run(tmp_path / "run"))])
    assert [panel["title"] for panel in found] == [
        "Training loss",
        "Validation: segmentation",
        "Validation: depth",
        "Learning rate",
        "Share of steps with conflicting gradients",
    ]
    assert [each["label"] for each in found[0]["choices"]] == ["total", "depth"]
    assert [each["label"] for each in found[2]["choices"]] == ["RMSE m ↓", "abs_rel ↓"]


def test_matrices_by_step(tmp_path: Path) -> None:
    found = plain(affinities(whole_run(tmp_path / "run")))
    first, last = found["records"]
    assert (first["step"], first["S"]) == (10, [[1.0, None], [-0.5, 1.0]])
    assert (last["step"], last["ω"]) == (20, [[0.75, 0.25], [0.125, 0.875]])


def test_without_a_history_there_are_the_last_matrices(tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "run")
    edit(folder / "affinity.json", lambda state: state.pop("history"))
    found = affinities(folder)
    assert [record["step"] for record in found["records"]] == [20]
    assert "no history" in found["said"]


def test_a_long_history_is_thinned(tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "run")
    edit(folder / "affinity.json", lambda state: state.update(history=state["history"] * 300))
    found = affinities(folder)
    assert len(found["records"]) == 240
    assert found["said"] == "240 of 600 records are shown."


def test_the_gallery_has_a_picture_per_task_and_whole_grids(tmp_path: Path) -> None:
    found = gallery(whole_run(tmp_path / "run"), Budget(1 << 20))
    names = {group["name"]: [own["name"] for own in group["pictures"]] for group in found["groups"]}
    assert names == {"test": ["depth", "segmentation"], "all tasks": ["test", "val epoch 003"]}
    assert found["groups"][0]["pictures"][0]["picture"]["width"] == 60


def noise(side: int) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(values)


def test_pictures_are_shrunk_to_the_budget() -> None:
    budget = Budget(100_000)
    found = budget.spend(noise(600))
    assert found is not None
    assert 200 <= found["width"] < 600
    assert len(found["src"]) <= 100_000
    assert budget.left == 100_000 - len(found["src"])
    assert budget.said == "Pictures: 1, 1 of them shrunk."


def test_without_room_pictures_are_left_out() -> None:
    budget = Budget(1_000)
    assert budget.spend(noise(600)) is None
    assert budget.spend(Image.new("RGB", (8, 8))) is not None
    assert budget.said == "Pictures: 1, 0 of them shrunk, 1 left out for want of room."
