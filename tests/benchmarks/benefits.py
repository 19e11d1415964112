"""What training two tasks together does for each of them, from runs of one and of two tasks.

    python -m tests.benchmarks.benefits runs/planted_pairs benefits.json

Reads the runs below a folder and writes their benefits, for `lightning report --affinities`.
"""

import argparse
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from vtagml.affinity import AffinityState
from vtagml.metrics.delta_m import delta_m
from vtagml.report.finding import find_runs
from vtagml.report.methods import everywhere_without, identity, leaves
from vtagml.report.runs import Run

# Of the data's settings; all else has to be equal.
MAY_DIFFER = ("tasks", "seed", "scene_seed", "workers", "cache")
# Of the method's, where the config is lost, too: the affinity knows its tasks.
OF_TASKS = re.compile(r"(model\.init_args\.tasks|tasks|parameters|affinity|checkpoint)(\.|$)")


def benefits(runs: Sequence[Run]) -> AffinityState:
    """The benefit of each pair of tasks, in the form of a run's `affinity.json`.

    `similarity[target][source]` is the share by which the target's headline metric is better when
    the two train together than when the target trains alone: (alone - together) / alone where
    lower is better, else the opposite, of means over the runs. It is not symmetric.
    `observations` counts the runs of a pair; 0 marks a pair without one. ω is uniform: benefits
    have none.

    Args:
        runs: Of one task or of two, otherwise equal but for their seeds.

    Raises:
        ValueError: A run has more tasks, another method, other data or another length, or no
            number, or a task of a pair was never trained alone, or is 0 then.
    """
    _check(runs)
    values: dict[tuple[str, str], list[float]] = {}
    better: dict[str, bool] = {}
    for run in runs:
        for target in run.tasks:
            source = next((task for task in run.tasks if task != target), target)
            values.setdefault((target, source), []).append(run.value(target))
            better[target] = bool(run.better(target, run.headline[target]))
    tasks = list(better)
    if missing := [task for task in tasks if (task, task) not in values]:
        raise ValueError(f"`runs` must train each task alone, too, found no such run of {missing}.")
    means = {pair: fmean(own) for pair, own in values.items()}
    return {
        "affinity": "benefits",
        "tasks": tasks,
        "similarity": [
            [_benefit(target, means.get((target, source)), means, better) for source in tasks]
            for target in tasks
        ],
        "observations": [[len(values.get((t, s), ())) for s in tasks] for t in tasks],
        "omega": [[1 / len(tasks)] * len(tasks) for _ in tasks],
        "settings": {},
    }


def _benefit(
    target: str,
    together: float | None,
    means: Mapping[tuple[str, str], float],
    better: Mapping[str, bool],
) -> float:
    """The change of a target in its better direction; 0 of a pair without a run."""
    alone = means[target, target]
    results = {target: alone if together is None else together}
    return delta_m(results, {target: alone}, {target: better[target]}) / 100


def _check(runs: Sequence[Run]) -> None:
    for run in runs:
        if not 1 <= len(run.tasks) <= 2:
            raise ValueError(
                f"`runs` must be of one task or of two, found {list(run.tasks)} in `{run.folder}`."
            )
        if unknown := [task for task in run.tasks if not math.isfinite(run.value(task))]:
            raise ValueError(f"`{run.folder}` has no finite metric of {unknown}: train it again.")
        _check_alike(runs[0], run)


def _check_alike(first: Run, run: Run) -> None:
    one, other = _settings(first), _settings(run)
    for key in {**one, **other}:
        if one.get(key) != other.get(key):
            raise ValueError(
                "`runs` must be of one method and of the same data and length, found "
                f"{key} {one.get(key)} in `{first.folder}` and {other.get(key)} in "
                f"`{run.folder}`. Leave one out, or train it as the others."
            )


def _settings(run: Run) -> dict[str, Any]:
    """All that must agree, by dotted key: what the report groups by, without the tasks' own."""
    kind, evaluated = run.dataset
    own = identity(run)
    own["data"] = everywhere_without(own.get("data") or {}, MAY_DIFFER)
    method = {key: value for key, value in leaves(own) if not OF_TASKS.match(key)}
    tested = {f"evaluated {key}": own for key, own in evaluated.items() if key not in MAY_DIFFER}
    return {"steps": run.steps, "dataset": kind, **tested, **method}


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("file", type=Path)
    given = parser.parse_args(args)
    finished, left_out = find_runs([given.runs])
    if left_out:
        raise ValueError(f"`runs` must be finished, but {left_out[0]}")
    given.file.write_text(json.dumps(benefits(finished), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
