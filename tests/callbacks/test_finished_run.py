"""What one whole run with every callback leaves behind."""

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

FIGURES = [
    "affinity/step_000002",
    "affinity/step_000004",
    "affinity_history",
    "gradient_conflicts",
    "gradient_conflicts_course",
    "gradient_conflicts_shared",
    "predictions_val_epoch_000",
    "predictions_val/depth",
    "predictions_val/segmentation",
    "predictions_test",
    "predictions_test/depth",
    "predictions_test/segmentation",
]


def test_the_expected_files_and_no_others(finished_run: Path) -> None:
    found = {
        str(path.relative_to(finished_run))
        for path in finished_run.rglob("*")
        if path.is_file() and path.relative_to(finished_run).parts[0] not in ("csv", "tensorboard")
    }
    numbers = {f"{name}.json" for name in ("affinity", "conflicts", "parameters", "metrics")}
    pictures = {f"figures/{name}.png" for name in FIGURES}
    assert found == pictures | numbers | {"backbone.safetensors"}


def test_figures_are_real_pictures(finished_run: Path) -> None:
    for name in FIGURES:
        with Image.open(finished_run / "figures" / f"{name}.png") as picture:
            pixels = np.asarray(picture.convert("RGB"))
        assert min(pixels.shape[:2]) > 200, name
        assert pixels.std() > 10, name  # Neither empty nor of one colour.


def test_csv_has_the_numbers(finished_run: Path) -> None:
    with (finished_run / "csv/version_0/metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    logged = {key for row in rows for key, value in row.items() if value}
    assert {
        "affinity/omega/segmentation/depth",
        "affinity/similarity/depth/segmentation",
        "affinity/weight/depth",
        "affinity/skipped",
        "conflicts/segmentation/depth",
        "conflicts/shared/segmentation/depth",
        "parameters/trainable",
        "throughput/images_per_second",
        "throughput/batch_seconds",
    } <= logged


def test_tensorboard_has_the_pictures(finished_run: Path) -> None:
    events = EventAccumulator(str(finished_run / "tensorboard/version_0"))
    events.Reload()
    assert set(events.Tags()["images"]) == {
        "affinity/heatmap",
        "affinity/history",
        "conflicts/course",
        "conflicts/histogram",
        "conflicts/histogram_shared",
        "predictions/val",
        "predictions/test",
    }
    assert [event.step for event in events.Images("affinity/heatmap")] == [2, 4]


def test_conflicts_are_counted(finished_run: Path) -> None:
    # The toy's cosine is -0.5 in every step.
    with (finished_run / "csv/version_0/metrics.csv").open() as file:
        shares = [row["conflicts/segmentation/depth"] for row in csv.DictReader(file)]
    assert {float(share) for share in shares if share} == {1.0}


def test_json_has_no_number_that_json_lacks(finished_run: Path) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    paths = list(finished_run.glob("*.json"))
    assert paths
    for path in paths:
        json.loads(path.read_text(), parse_constant=refuse)
