"""What the loggers of a run kept: curves by optimiser step."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

Curve = Mapping[int, float]

KEPT = ("val/", "throughput/batch_seconds")


def read_logs(folder: Path, kept: tuple[str, ...] = KEPT) -> dict[str, Curve]:
    """Returns curves of a run folder's CSV logs, by key and step.

    A run that was resumed has several logs; a step that was done again counts as it was last.

    Args:
        folder: Of the run.
        kept: How the keys begin; by default those of validation metrics and times.
    """
    found: dict[str, dict[int, float]] = {}
    for file in _logs(folder):
        try:
            with file.open(encoding="utf-8", newline="") as lines:
                _read(lines, kept, found)
        except (ValueError, csv.Error) as error:
            raise ValueError(
                f"`{file}` is damaged and cannot be read as the log of a run ({error}): repair its "
                "last lines, or delete it and do without curves."
            ) from None
    return {key: dict(sorted(curve.items())) for key, curve in found.items()}


def _read(lines: Iterable[str], kept: tuple[str, ...], found: dict[str, dict[int, float]]) -> None:
    rows = csv.DictReader(lines)
    keys = [key for key in rows.fieldnames or () if key.startswith(kept)]
    for row in rows:
        for key in keys:
            if row[key] and row.get("step"):
                found.setdefault(key, {})[int(float(row["step"]))] = float(row[key])


def _logs(folder: Path) -> Iterator[Path]:
    versions = [file for file in folder.glob("logs/version_*/metrics.csv") if _number(file) >= 0]
    yield from sorted(versions, key=_number)


def _number(file: Path) -> int:
    number = file.parent.name.rpartition("_")[2]
    return int(number) if number.isdigit() else -1
