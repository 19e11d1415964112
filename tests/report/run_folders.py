"""Run folders in the form in which a training and its test leave them."""

import copy
import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from vtagml.affinity import TROA
from vtagml.report import Run, read_run

METRICS: dict[str, dict[str, float | None]] = {
    "segmentation": {"miou": 0.5, "accuracy": 0.7},
    "depth": {"rmse": 0.8, "abs_rel": 0.2},
}
CONTENT: dict[str, Any] = {
    "metrics": {
        "model": METRICS,
        "prior": {"segmentation": {"miou": 0.25}, "depth": {"rmse": 1.0}},
    },
    "headline": {"segmentation": "miou", "depth": "rmse"},
    "higher_is_better": {
        "segmentation": {"miou": True, "accuracy": True},
        "depth": {"rmse": False, "abs_rel": False},
    },
    "units": {
        "segmentation": {"miou": {"name": "mIoU %", "decimals": 2, "factor": 100.0}},
        "depth": {"rmse": {"name": "RMSE m", "decimals": 3, "factor": 1.0}},
    },
    "comparable": {
        "segmentation": {"classes": 8, "class map": None},
        "depth": {"unit": "m", "smallest depth": None, "largest depth": None},
    },
    "letters": {"segmentation": "S", "depth": "D"},
    "provenance": {
        "command": "vtagml fit --config experiments/scenes_sd.yaml",
        "date": "2026-01-02T03:04:05+00:00",
        "commit": {"hash": "0123456789abcdef", "dirty": False},
        "versions": {"python": "3.11.7", "torch": "2.15.0"},
        "hardware": {"device": "A CPU", "type": "cpu", "processes": 1, "cpu_threads": 2},
        "precision": "32-true",
        "seed": 0,
        "checkpoint": None,
        "data": {
            "class": "Scenes",
            "settings": {
                "layout": "room",
                "image_size": [128, 128],
                "train": 800,
                "test": 200,
                "scene_seed": 0,
                "cache": "data/scenes",
                "tasks": ["segmentation", "depth"],
                "batch_size": 16,
                "workers": 1,
                "seed": 0,
                "augment": ["HorizontalFlip"],
            },
        },
        "backbone": {"architecture": "swinv2_tiny", "weights": "nano.safetensors"},
        "encoder": "VTAGML",
        "decoders": "PerTask",
        "affinity": {"class": "TROA", "kappa": 1.0},
        "tasks": {
            "segmentation": {"class": "Segmentation", "classes": 8, "weight": 1.0},
            "depth": {
                "class": "Depth",
                "scale": 1.0,
                "distances": {"class": "DepthRange", "minimum": None, "maximum": None},
            },
        },
        "parameters": {"trainable": 925581, "total": 4058825},
        "test_samples": 200,
        "training": {"seconds": 281.2, "steps": 225},
    },
}
CONFIG: dict[str, Any] = {
    "seed_everything": 0,
    "trainer": {
        "max_steps": 225,
        "default_root_dir": "runs/scenes_sd",
        "accumulate_grad_batches": 1,
    },
    "model": {
        "class_path": "vtagml.MultitaskModule",
        "init_args": {
            "encoder": {"class_path": "vtagml.encoders.VTAGML"},
            "affinity": {"class_path": "vtagml.affinity.TROA", "init_args": {"initial": None}},
            "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.005}},
        },
    },
    "data": {
        "class_path": "datamodules.Scenes",
        "init_args": {"layout": "room", "cache": "data/scenes", "seed": 0, "workers": 1},
    },
    "checkpoint": {"dirpath": "runs/scenes_sd/checkpoints"},
}


def write_run(
    folder: Path,
    seed: int = 0,
    metrics: Mapping[str, float | None] | None = None,
    changes: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Writes a run folder.

    Args:
        folder: Is made.
        seed: Of everything.
        metrics: Headline metrics by task; tasks without one are left out of the run.
        changes: Values by dotted path in `metrics.json`.
        settings: Values by dotted path in `config.yaml`.
    """
    content, config = copy.deepcopy(CONTENT), copy.deepcopy(CONFIG)
    for path in ("provenance.seed", "provenance.data.settings.seed"):
        put(content, path, seed)
    for path in ("seed_everything", "data.init_args.seed"):
        put(config, path, seed)
    put(config, "trainer.default_root_dir", str(folder))
    if metrics is not None:
        keep_tasks(content, metrics)
    for path, value in (changes or {}).items():
        put(content, path, value)
    for path, value in (settings or {}).items():
        put(config, path, value)
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder


def a_run(folder: Path, **given: Any) -> Run:
    return read_run(write_run(folder, **given))


def keep_tasks(content: dict[str, Any], metrics: Mapping[str, float | None]) -> None:
    headline = content["headline"]
    for task in list(headline):
        if task not in metrics:
            del content["metrics"]["model"][task], headline[task]
            continue
        content["metrics"]["model"][task][headline[task]] = metrics[task]


def put(content: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for name in above:
        content = content.setdefault(name, {})
    content[last] = value


def write_log(folder: Path, version: int, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Writes a log as Lightning's CSVLogger does: a column per key, empty where nothing is."""
    file = folder / "logs" / f"version_{version}" / "metrics.csv"
    file.parent.mkdir(parents=True)
    keys = sorted({key for row in rows for key in row})
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, keys)
        writer.writeheader()
        writer.writerows(rows)
    return file


def write_affinity(
    folder: Path,
    tasks: Sequence[str],
    similarity: Sequence[Sequence[float]],
    omega: Sequence[Sequence[float]] | None = None,
    records: int = 2,
) -> Path:
    """Writes `affinity.json` as the callback `AffinityHeatmap` does."""
    affinity = TROA(tasks)
    affinity.similarity.copy_(torch.tensor(similarity))
    affinity.observations.fill_(10)
    if omega is not None:
        affinity.adopt(torch.tensor(omega, dtype=torch.float64))
    state: dict[str, Any] = {**affinity.state(), "step": 20}
    if records:
        record = {"omega": state["omega"], "similarity": state["similarity"], "skipped": 0}
        state["history"] = [{"step": step, **record} for step in range(10, 10 * records + 1, 10)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "affinity.json").write_text(json.dumps(state), encoding="utf-8")
    return folder
