"""Runs with everything that a page can show."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.report.run_folders import write_affinity, write_log, write_run

TASKS = ("segmentation", "depth")


def whole_run(folder: Path, seed: int = 0, **given: Any) -> Path:
    """A finished run with curves, affinities, conflicts, pictures and parameters."""
    write_run(folder, seed=seed, **given)
    rows: list[dict[str, Any]] = [
        {"step": step, "train/loss": 4.0 / step, "train/depth/loss": 1.0 / step, "lr-AdamW": 1e-3}
        for step in range(10, 50, 10)
    ]
    rows += [
        {"step": step, "val/segmentation/miou": step / 100, "val/depth/rmse": 1.0}
        for step in (20, 40)
    ]
    rows.append({"step": 40, "conflicts/segmentation/depth": 0.25})
    write_log(folder, 0, rows)
    write_history(folder)
    (folder / "figures" / "predictions_test").mkdir(parents=True)
    own = ("predictions_test/segmentation", "predictions_test/depth")
    for name in ("predictions_test", "predictions_val_epoch_003", "gradient_conflicts", *own):
        Image.new("RGB", (60, 30), "teal").save(folder / "figures" / f"{name}.png")
    places = {"shared": {"counts": [[1, 3]]}, "fork": {"counts": [[0, 8]]}}
    counted = {"tasks": TASKS, "places": places, "history": []}
    (folder / "conflicts.json").write_text(json.dumps(counted), encoding="utf-8")
    counts = {"trainable": 3, "frozen": 9, "total": 12}
    roles = {"backbone frozen": {"trained": 3, "stored": 12, "deployed": None}}
    parts = {"parts": [{"part": "encoder.backbone", **counts}], "total": counts, "roles": roles}
    (folder / "parameters.json").write_text(json.dumps(parts), encoding="utf-8")
    return folder


def write_history(folder: Path) -> None:
    """S and ω at the steps 10 and 20, which differ."""
    write_affinity(folder, TASKS, [[1.0, 0.25], [0.25, 1.0]], [[0.75, 0.25], [0.125, 0.875]])

    def change(state: dict[str, Any]) -> None:
        state["history"][0]["similarity"] = [[1.0, None], [-0.5, 1.0]]
        state["history"][0]["omega"] = [[0.5, 0.5], [0.5, 0.5]]

    edit(folder / "affinity.json", change)


def edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")
