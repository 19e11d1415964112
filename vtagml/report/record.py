"""What a run recorded about itself: `metrics.json` and `config.yaml`, checked once as a whole."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vtagml.metrics.unit import Unit
from vtagml.run_files import MEGABYTE, Form, is_there, read_json, read_yaml
from vtagml.run_folder import RunFolder

MOST_OF_METRICS = 4 * MEGABYTE

# Of what `vtagml.callbacks.provenance` describes, all that a report looks at.
PROVENANCE: Form = {
    "command": str,
    "date": str,
    "commit": {"hash": str, "dirty": bool},
    "versions": dict,
    "hardware": {"device": str, "processes": int},
    "precision": str,
    "seed": int,
    "checkpoint": str,
    "data": {"class": str, "settings": dict},
    "backbone": {"architecture": str, "weights": str},
    "encoder": str,
    "decoders": str,
    "affinity": {"class": str},
    "tasks": {str: dict},
    "parameters": {"trainable": int, "total": int},
    "test_samples": int,
    "training": {"seconds": float, "steps": int},
}
RECORD: Form = {
    "metrics": {"model": {str: {str: float}}, "prior": {str: {str: float}}},
    "headline": {str: str},
    "higher_is_better": {str: {str: bool}},
    "units": {str: {str: {"name": str, "decimals": int, "factor": float}}},
    "comparable": {str: dict},
    "letters": {str: str},
    "provenance": PROVENANCE,
}
SETTINGS: Form = {
    "trainer": {"max_steps": int, "accumulate_grad_batches": int},
    "data": {"init_args": dict},
}
MOST_DECIMALS = 9

Metrics = Mapping[str, Mapping[str, float]]


def read_record(folder: Path) -> dict[str, Any]:
    """Reads the results of a run as `Run` has them; all that is wrong is said in one error."""
    file = RunFolder(folder).metrics
    content = read_json(file, RECORD, MOST_OF_METRICS) or {}
    headline = {task: name for task, name in (content.get("headline") or {}).items() if name}
    record = {
        "metrics": _numbers(look_up(content, "metrics.model")),
        "prior": _numbers(look_up(content, "metrics.prior")),
        "headline": headline,
        "higher_is_better": _rows(content, "higher_is_better"),
        "units": {
            task: {metric: _unit(metric, own or {}) for metric, own in units.items()}
            for task, units in _rows(content, "units").items()
        },
        "comparable": _rows(content, "comparable"),
        "letters": content.get("letters") or {},
        "provenance": content.get("provenance"),
    }
    if missing := [name for name in RECORD if not record[name]]:
        raise ValueError(
            f"`{file}` must be what `lightning test` leaves, found no usable {', '.join(missing)} "
            "in it: it is of another program or version; leave it out or test again."
        )
    return record


def _rows(content: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    return {task: own or {} for task, own in (content.get(name) or {}).items()}


def _unit(metric: str, own: Mapping[str, Any]) -> Unit:
    decimals, factor = own.get("decimals"), own.get("factor")
    return Unit(
        own.get("name") or metric,
        min(max(0, 3 if decimals is None else decimals), MOST_DECIMALS),
        factor if factor and math.isfinite(factor) else 1.0,
    )


def _numbers(metrics: Mapping[str, Any] | None) -> dict[str, dict[str, float]]:
    return {
        task: {name: _finite(value) for name, value in (own or {}).items()}
        for task, own in (metrics or {}).items()
    }


def _finite(value: float | None) -> float:
    return math.nan if value is None or not math.isfinite(value) else float(value)


def read_config(folder: Path) -> dict[str, Any] | None:
    """Returns the config that a training left in its run folder, None where there is none."""
    file = RunFolder(folder).config
    if not is_there(file):
        return None
    config = read_yaml(file, SETTINGS)
    if config is None:
        raise ValueError(f"`{file}` must be the config of a training, found nothing in it.")
    return config


def run_of(file: str) -> Path | None:
    """Returns the folder of the run that a file is in, None where there is none."""
    folders = map(RunFolder, (Path(file), *Path(file).parents[:2]))
    # A config alone may be anybody's.
    return next((each.path for each in folders if is_there(each.config) and _has_run(each)), None)


def _has_run(folder: RunFolder) -> bool:
    return folder.is_marked or any(map(is_there, (folder.metrics, folder.checkpoints)))


def config_of_origin(file: str) -> dict[str, Any] | None:
    """Returns the config of the run that a file is of.

    None where it is gone or of no use: it is another run's, and must not cost this one its place.
    """
    folder = run_of(file)
    try:
        return None if folder is None else read_config(folder)
    except (OSError, ValueError):
        return None


def look_up(content: Mapping[str, Any] | None, path: str) -> Any:
    """Returns what stands under a dotted path, None where nothing does."""
    value: Any = content
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
