"""What a page shows of one run: each part by itself, and where it is missing, why."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vtagml.report.finding import Seen
from vtagml.report.html.conflicts import conflicts
from vtagml.report.html.curves import curves
from vtagml.report.html.matrices import affinities
from vtagml.report.html.pictures import Budget, gallery
from vtagml.report.role_counts import read_roles
from vtagml.report.runs import Run
from vtagml.run_files import Form, is_there, read_json, read_text
from vtagml.run_folder import CONFIG, PARAMETERS, RunFolder, to_json

COUNT: Form = {"part": str, "trainable": int, "frozen": int, "total": int}
COUNTS: Form = {"parts": [COUNT], "total": COUNT}
LONGEST = 200_000  # Letters of a config.

Part = dict[str, Any]


def content(seen: Seen, name: str, budget: Budget, finished: Sequence[Run] = ()) -> Part:
    """Returns all that is known about a run, in what JSON knows.

    Args:
        seen: The run.
        name: By which the page calls it.
        budget: Of its pictures.
        finished: The runs of the page that know what metrics are.
    """
    folder, run = seen.folder, seen.run
    return {
        "name": name,
        "folder": str(folder),
        "why": str(seen.error or ""),
        "facts": facts(run) if run else [],
        "metrics": metrics(run) if run else [],
        "curves": _part(lambda: curves(folder, finished)),
        "affinities": _part(lambda: affinities(folder)),
        "conflicts": _part(lambda: conflicts(folder, budget)),
        "gallery": _part(lambda: gallery(folder, budget)),
        "parameters": _part(lambda: parameters(folder)),
        "config": _part(lambda: config(folder)),
        "provenance": to_json(run.provenance).decode() if run else "",
    }


def _part(read: Callable[[], Part]) -> Part:
    """A damaged file costs its part of the page, not the page."""
    try:
        return read()
    except (OSError, ValueError) as error:  # `vtagml.run_files` raises no other
        return {"missing": f"This part cannot be shown: {error}"}


def facts(run: Run) -> list[list[str]]:
    """The first lines about a run: what, when, of which code."""
    seconds = run.recorded("training.seconds")
    dataset, _ = run.dataset
    parts = map(run.recorded, ("encoder", "affinity.class", "decoders"))
    known = {
        "method": " · ".join(str(part) for part in parts if part),
        "data": f"{dataset}, {run.recorded('test_samples') or 'unknown number of'} test samples",
        "tested": run.recorded("date"),
        "commit": run.commit or "not recorded",
        "seed": ", ".join(dict.fromkeys(map(str, run.seeds))),
        "steps": run.steps,
        "training": f"{seconds / 60:.1f} minutes" if isinstance(seconds, int | float) else None,
        "hardware": run.recorded("hardware.device"),
        "precision": run.recorded("precision"),
        "command": run.recorded("command"),
    }
    return [[key, str(value)] for key, value in known.items() if value not in (None, "")]


def metrics(run: Run) -> list[Part]:
    """Every metric of a run beside that of the prior, the headline of a task first."""
    rows = []
    for task, own in run.metrics.items():
        headline = run.headline.get(task)
        for name in sorted(own, key=lambda metric: (metric != headline, metric)):
            unit = run.unit(task, name)
            rows.append(
                {
                    "task": task,
                    "metric": unit.heading(run.better(task, name)),
                    "headline": name == headline,
                    "model": unit.written(own[name]),
                    "prior": unit.written(run.prior.get(task, {}).get(name, math.nan)),
                }
            )
    return rows


def parameters(folder: Path) -> Part:
    file = RunFolder(folder).parameters
    if not is_there(file):
        return {"missing": f"This run has no `{PARAMETERS}`."}
    counts = read_json(file, COUNTS) or {}
    rows = [[part.get("part") or "", *_counts(part)] for part in counts.get("parts") or () if part]
    roles = [[role, *own.values()] for role, own in read_roles(folder).items()]
    return {"rows": rows, "total": _counts(counts.get("total") or {}), "roles": roles}


def _counts(part: Mapping[str, Any]) -> list[int]:
    return [part.get(name) or 0 for name in ("trainable", "frozen", "total")]


def config(folder: Path) -> Part:
    file = RunFolder(folder).config
    if not is_there(file):
        return {"missing": f"This run has no `{CONFIG}`."}
    text = read_text(file)
    cut = "" if len(text) <= LONGEST else f"Only the first {LONGEST} letters are shown."
    return {"text": text[:LONGEST], "said": cut}
