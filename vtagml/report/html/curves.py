"""Curves of a page: what the CSV logs kept, thinned, and the panels that show it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vtagml.report.logs import Curve, read_logs
from vtagml.report.runs import Run

KEPT = ("train/", "val/", "lr-", "affinity/weight/", "conflicts/", "throughput/images_per_second")
MOST = 600  # Points of a curve; a screen has few more pixels.

# Title, the keys it is about with what tells them apart, whether a logarithmic axis suits it.
PANELS = (
    ("Training loss", re.compile(r"train/(?:(.*)/)?loss(?:_step)?"), True),
    ("Learning rate", re.compile(r"lr-(.*)"), True),
    ("Weights of the losses", re.compile(r"affinity/weight/(.*)"), False),
    ("Share of steps with conflicting gradients", re.compile(r"conflicts/(.*)"), False),
    ("Images per second", re.compile(r"throughput/(images)_per_second"), False),
)
VALIDATION = re.compile(r"val/([^/]+)/([^/]+)")
TOTAL = "total"
RATE = "lr-"


def curves(folder: Path, finished: Sequence[Run] = ()) -> dict[str, Any]:
    """Returns a run's curves by key and what has to be said about them, or why there are none.

    Args:
        folder: Of the run.
        finished: The runs of the page that know in which units metrics are, this one or others.
    """
    logs = read_logs(folder, KEPT)
    if not logs:
        return {
            "missing": "This run kept no curves: its folder has no logs of the CSV logger "
            "(`logs/version_*/metrics.csv`)."
        }
    thinned = max(len(curve) for curve in logs.values()) > MOST
    return {
        "curves": {
            key: _points(curve, _factor(key, finished)) for key, curve in _one_rate(logs).items()
        },
        "said": f"Longer curves are thinned to {MOST} of their points." if thinned else "",
    }


def _one_rate(logs: Mapping[str, Curve]) -> dict[str, Curve]:
    """Leaves out a learning rate that is that of an earlier group of parameters throughout."""
    rates: list[Curve] = []
    kept = {}
    for key, curve in logs.items():
        if not key.startswith(RATE):
            kept[key] = curve
        elif curve not in rates:
            rates.append(curve)
            kept[key] = curve
    return kept


def _factor(key: str, finished: Sequence[Run]) -> float:
    metric = VALIDATION.fullmatch(key)
    owner = _owner(metric[1], finished) if metric else None
    return owner.unit(metric[1], metric[2]).factor if metric and owner else 1.0


def _owner(task: str, finished: Sequence[Run]) -> Run | None:
    return next((run for run in finished if task in run.headline), None)


def _points(curve: Curve, factor: float) -> dict[str, list[Any]]:
    items = list(curve.items())
    if len(items) > MOST:
        items = [items[round(i * (len(items) - 1) / (MOST - 1))] for i in range(MOST)]
    values = [float(f"{value * factor:.5g}") for _, value in items]
    return {"x": [step for step, _ in items], "y": values}


def panels(keys: Sequence[str], finished: Sequence[Run]) -> list[dict[str, Any]]:
    """Returns the panels for some keys: a title, and the curves to choose from.

    Args:
        keys: Of all runs.
        finished: As for `curves`.
    """
    first, *others = (_shared(keys, *panel) for panel in PANELS)
    return [panel for panel in (first, *_validation(keys, finished), *others) if panel["choices"]]


def _shared(
    keys: Sequence[str], title: str, pattern: re.Pattern[str], logarithmic: bool
) -> dict[str, Any]:
    matches = [match for key in keys if (match := pattern.fullmatch(key))]
    choices = [{"key": match[0], "label": match[1] or TOTAL} for match in matches]
    choices.sort(key=lambda choice: choice["label"] != TOTAL)
    # Curves of one unit stand together in a panel; of others one is chosen.
    return {"title": title, "choices": choices, "logarithmic": logarithmic, "together": True}


def _validation(keys: Sequence[str], finished: Sequence[Run]) -> list[dict[str, Any]]:
    """A panel per task, whose headline metric is chosen first, then those with a unit."""
    tasks: dict[str, list[str]] = {task: [] for run in finished for task in run.headline}
    for match in filter(None, map(VALIDATION.fullmatch, keys)):
        tasks.setdefault(match[1], []).append(match[2])
    return [
        {
            "title": f"Validation: {task}",
            "choices": _choices(task, metrics, _owner(task, finished)),
            "logarithmic": False,
            "together": False,
        }
        for task, metrics in tasks.items()
    ]


def _choices(task: str, metrics: Sequence[str], run: Run | None) -> list[dict[str, str]]:
    names = sorted(metrics)
    if run is None:
        return [{"key": f"val/{task}/{name}", "label": name} for name in names]
    units = run.units.get(task, {})
    names.sort(key=lambda name: (name != run.headline[task], name not in units))
    return [
        {"key": f"val/{task}/{name}", "label": run.unit(task, name).heading(run.better(task, name))}
        for name in names
    ]
