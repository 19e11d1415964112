"""What a page shows of one run: each part by itself, and where it is missing, why."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vtagml.report.html.curves import curves
from vtagml.report.html.look import Seen
from vtagml.report.html.matrices import affinities
from vtagml.report.html.pictures import Budget, conflicts_picture, gallery
from vtagml.report.record import look_up
from vtagml.report.runs import Run
from vtagml.report.units import heading, shown
from vtagml.run_files import Form, is_there, read_json, read_text
from vtagml.run_folder import CONFIG, PARAMETERS

COUNT: Form = {"part": str, "trainable": int, "frozen": int, "total": int}
COUNTS: Form = {"parts": [COUNT], "total": COUNT}
LONGEST = 200_000  # Letters of a config.
EMPTY = "–"

Part = dict[str, Any]


def content(seen: Seen, name: str, budget: Budget) -> Part:
    """Returns all that is known about a run, in what JSON knows.

    Args:
        seen: The run.
        name: By which the page calls it.
        budget: Of its pictures.
    """
    folder, run = seen.folder, seen.run
    return {
        "name": name,
        "folder": str(folder),
        "why": seen.why,
        "facts": facts(run) if run else [],
        "metrics": metrics(run) if run else [],
        "curves": _part(lambda: _curves(folder)),
        "affinities": _part(lambda: affinities(folder)),
        "conflicts": _part(lambda: {"picture": conflicts_picture(folder, budget)}),
        "gallery": _part(lambda: gallery(folder, budget)),
        "parameters": _part(lambda: parameters(folder)),
        "config": _part(lambda: config(folder)),
        "provenance": _indented(run.provenance) if run else "",
    }


def _part(read: Callable[[], Part]) -> Part:
    """A damaged file costs its part of the page, not the page."""
    try:
        return read()
    except (OSError, ValueError) as error:  # `vtagml.run_files` raises no other
        return {"missing": f"This part cannot be shown: {error}"}


def _curves(folder: Path) -> Part:
    found, said = curves(folder)
    return {"curves": found, "said": said} if found else {"missing": said}


def facts(run: Run) -> list[list[str]]:
    """The first lines about a run: what, when, of which code."""
    found = run.provenance
    commit = look_up(found, "commit.hash")
    changed = " with changed files" if look_up(found, "commit.dirty") else ""
    seconds = look_up(found, "training.seconds")
    dataset, _ = run.dataset
    known = {
        "method": " · ".join(
            str(each)
            for each in (
                found.get("encoder"),
                look_up(found, "affinity.class"),
                found.get("decoders"),
            )
            if each
        ),
        "data": f"{dataset}, {found.get('test_samples') or 'unknown number of'} test samples",
        "tested": found.get("date"),
        "commit": f"{commit}{changed}" if commit else "not recorded",
        "seed": ", ".join(dict.fromkeys(map(str, run.seeds))),
        "steps": run.steps,
        "training": f"{seconds / 60:.1f} minutes" if isinstance(seconds, int | float) else None,
        "hardware": look_up(found, "hardware.device"),
        "precision": found.get("precision"),
        "command": found.get("command"),
    }
    return [[key, str(value)] for key, value in known.items() if value not in (None, "")]


def metrics(run: Run) -> list[Part]:
    """Every metric of a run beside that of the prior, the headline of a task first."""
    rows = []
    for task, own in run.metrics.items():
        first = run.headline.get(task)
        for name in sorted(own, key=lambda each: (each != first, each)):
            better = run.higher_is_better.get(task, {}).get(name)
            rows.append(
                {
                    "task": task,
                    "metric": heading("", name, better),
                    "headline": name == first,
                    "model": _number(own[name], name),
                    "prior": _number(run.prior.get(task, {}).get(name, math.nan), name),
                }
            )
    return rows


def _number(value: float, metric: str) -> str:
    _, factor, decimals = shown(metric)
    return f"{factor * value:.{decimals}f}".replace("-", "−") if math.isfinite(value) else EMPTY


def parameters(folder: Path) -> Part:
    file = folder / PARAMETERS
    if not is_there(file):
        return {"missing": f"This run has no `{PARAMETERS}`."}
    found = read_json(file, COUNTS) or {}
    rows = [[each.get("part") or "", *_counts(each)] for each in found.get("parts") or () if each]
    return {"rows": rows, "total": _counts(found.get("total") or {})}


def _counts(found: Mapping[str, Any]) -> list[int]:
    return [found.get(name) or 0 for name in ("trainable", "frozen", "total")]


def config(folder: Path) -> Part:
    file = folder / CONFIG
    if not is_there(file):
        return {"missing": f"This run has no `{CONFIG}`."}
    text = read_text(file)
    cut = "" if len(text) <= LONGEST else f"Only the first {LONGEST} letters are shown."
    return {"text": text[:LONGEST], "said": cut}


def _indented(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=2, ensure_ascii=False, default=str)
