"""Runs with everything that a page can show."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from tests.report.run_folders import write_affinity, write_log, write_run
from vtagml.drawing import tiles, tiles_file
from vtagml.tasks import Depth, Segmentation, Task

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
    (folder / "figures").mkdir()
    for name in ("predictions_test", "predictions_val_epoch_003", "gradient_conflicts"):
        Image.new("RGB", (60, 30), "teal").save(folder / "figures" / f"{name}.png")
    (folder / "figures" / "tiles_test.npz").write_bytes(some_tiles())
    counts = {"trainable": 3, "frozen": 9, "total": 12}
    parts = {"parts": [{"part": "encoder.backbone", **counts}], "total": counts}
    (folder / "parameters.json").write_text(json.dumps(parts), encoding="utf-8")
    return folder


def write_history(folder: Path) -> None:
    """S and ω at the steps 10 and 20, which differ."""
    write_affinity(folder, TASKS, [[1.0, 0.25], [0.25, 1.0]], [[0.75, 0.25], [0.125, 0.875]])

    def change(state: dict[str, Any]) -> None:
        state["history"][0]["similarity"] = [[1.0, None], [-0.5, 1.0]]
        state["history"][0]["omega"] = [[0.5, 0.5], [0.5, 0.5]]

    edit(folder / "affinity.json", change)


def some_tiles() -> bytes:
    labels = {
        "image": torch.rand(2, 3, 8, 8),
        "segmentation": torch.randint(0, 3, (2, 8, 8)),
        "depth": torch.rand(2, 1, 8, 8) + 1.0,
    }
    labels["depth"][1] = torch.nan
    tasks: dict[str, Task] = {"segmentation": Segmentation(3), "depth": Depth()}
    guess = {
        "segmentation": labels["segmentation"].flip(-1),
        "depth": torch.full((2, 1, 8, 8), 2.0),
    }
    return tiles_file(tiles(labels, guess, tasks, step=40))


def edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")
