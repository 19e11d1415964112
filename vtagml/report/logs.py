"""What the loggers of a run kept: curves by optimiser step."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from vtagml.run_files import LARGEST, is_there, read_as, read_rows
from vtagml.run_folder import RunFolder

Curve = Mapping[int, float]

KEPT = ("val/", "throughput/batch_seconds")
LAST_STEP = 1 << 53  # Beyond it floating-point numbers are not all whole numbers.


def read_logs(folder: Path, kept: tuple[str, ...] = KEPT) -> dict[str, Curve]:
    """Returns curves of a run folder's CSV logs, by key and step.

    A run that was resumed has several logs; a step that was done again counts as it was last.

    Args:
        folder: Of the run.
        kept: How the keys begin; by default those of validation metrics and times.
    """
    found: dict[str, dict[int, float]] = {}
    logs = (place / "metrics.csv" for place in RunFolder(folder).log_versions.values())
    for file in filter(is_there, logs):
        rows = read_rows(file)
        with read_as(file, "the log of a run"):
            _take(rows, kept, found)
    return {key: dict(sorted(curve.items())) for key, curve in found.items()}


def _take(
    rows: Iterable[Mapping[str, str]], kept: tuple[str, ...], found: dict[str, dict[int, float]]
) -> None:
    for row in rows:
        if not (at := row.get("step")):
            continue
        for key, value in row.items():
            if value and key.startswith(kept):
                found.setdefault(key, {})[_step(at)] = _number(value)


def _step(text: str) -> int:
    step = float(text)
    if not 0 <= step <= LAST_STEP:
        raise ValueError(f"`step` must be a whole number that is not negative, found {text[:20]}.")
    return int(step)


def _number(text: str) -> float:
    value = float(text)
    return value if abs(value) < LARGEST else math.nan
