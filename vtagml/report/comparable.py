"""What runs must have in common to stand in one table, and what a reader must be told."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vtagml.report.methods import INCIDENTAL_OF_DATA, Method, everywhere_without
from vtagml.report.record import look_up
from vtagml.report.runs import Run

# Settings of the data that belong to the method: it may choose what it learns from.
OF_THE_METHOD = (*INCIDENTAL_OF_DATA, "augment", "batch_size", "tasks", "train_split", "withheld")
# What a dataset in use holds beside its settings.
IN_USE = ("class", "counts", "samples", "trainer")
# Settings of tasks that say in which classes, units and ranges a metric is.
OF_THE_METRIC = {
    "classes": "classes",
    "class_map": "class map",
    "unit": "unit",
    "scale": "scale",
    "distances.minimum": "smallest depth",
    "distances.maximum": "largest depth",
    "threshold": "edge threshold",
}
MISSING = "not recorded"
# What results that do not say it are of: they are older than these settings, or of drawn scenes.
NETWORK = "network"
ONE_VIEW = {"flip": False, "scales": [1.0]}
FEW = 4


def refuse_mix(runs: Sequence[Run]) -> None:
    """Raises a ValueError that names every difference by which the runs cannot be compared."""
    known = [aspects(run) for run in runs]
    keys = dict.fromkeys(key for each in known for key in each)
    said = []
    for key in keys:
        values: dict[str, list[str]] = {}
        for run, each in zip(runs, known, strict=True):
            # A task that a run does not have is no difference.
            if key[0] is None or key[0] in run.tasks:
                values.setdefault(str(each.get(key, MISSING)), []).append(str(run.folder))
        if len(values) > 1:
            parts = (f"{value} in {_listed(folders)}" for value, folders in values.items())
            said.append(f"  - {': '.join(filter(None, key))}: {'; '.join(parts)}")
    if said:
        raise ValueError(
            "`RUN` must be of the same data, evaluated alike, with one class map, depth unit and "
            "range, and edge threshold, or the numbers of one column mean different things. "
            "Found:\n" + "\n".join(said) + "\nMake a report of each kind."
        )


def aspects(run: Run) -> dict[tuple[str | None, str], Any]:
    """Returns what must not differ, by task (None: concerns all) and words for it."""
    dataset, own = run.dataset
    found: dict[tuple[str | None, str], Any] = {
        (None, "dataset"): dataset,
        (None, "test samples"): run.provenance.get("test_samples"),
        (None, "evaluated at"): (size := own.get("evaluated_at", NETWORK)),
        (None, "augmented testing"): _views(run),
    }
    # At the size on disk an evaluation does not depend on what the network sees.
    free = ("image_size",) if size != NETWORK else ()
    for key, value in own.items():
        if key not in (*OF_THE_METHOD, *IN_USE, *free):
            found[None, f"data.{key}"] = value
    for task in run.tasks:
        settings = look_up(run.provenance, f"tasks.{task}") or {}
        for path, words in OF_THE_METRIC.items():
            if path.split(".")[0] in settings:
                found[task, words] = look_up(settings, path)
        found[task, "metric"] = run.headline[task]
        found[task, "higher is better"] = direction(run, task)
    return found


def _views(run: Run) -> str:
    views = run.provenance.get("augmented_testing") or ONE_VIEW
    return f"scales {views.get('scales')}{' and mirrored' if views.get('flip') else ''}"


def direction(run: Run, task: str) -> bool | None:
    return run.higher_is_better.get(task, {}).get(run.headline[task])


def warnings_of(methods: Sequence[Method]) -> list[str]:
    """Returns what may be compared but must be said."""
    runs = [run for method in methods for run in method.runs]
    said = []
    if len(steps := {run.steps for run in runs}) > 1:
        said.append(
            f"Steps differ ({_sorted(steps)}): what trained longer has an advantage that is not "
            "the method's."
        )
    if len(sizes := {_batch(run) for run in runs}) > 1:
        said.append(f"Batch sizes differ ({_sorted(sizes)}): so do the images of as many steps.")
    said += _other_training_data(methods)
    if len(places := {_machine(run) for run in runs}) > 1:
        said.append(f"Machines differ ({_sorted(places)}): step times do not compare.")
    for method in methods:
        for words, read in SAME_IN_A_METHOD.items():
            if len(values := {str(read(run)) for run in method.runs}) > 1:
                said.append(f"{method.name}: {words} differ between its runs ({_sorted(values)}).")
    for words, holds in DOUBTS.items():
        if found := [str(run.folder) for run in runs if holds(run)]:
            said.append(f"{words}: {_listed(found)}.")
    if alone := [method.name for method in methods if len(method.runs) == 1]:
        said.append(f"One seed only, so no spread: {'; '.join(alone)}.")
    return said


def _other_training_data(methods: Sequence[Method]) -> list[str]:
    """Names the methods that learned from other data than the first, if any."""
    seen = ("augment", "batch_size", "tasks", *INCIDENTAL_OF_DATA)
    known = {
        method.name: everywhere_without(look_up(method.runs[0].config, "data") or {}, seen)
        for method in methods
        if method.runs[0].config is not None
    }
    first = next(iter(known), "")
    others = [name for name, data in known.items() if data != known[first]]
    if not others:
        return []
    return [f"Trained on other data or labels than {first}: {'; '.join(others)}."]


def _is_cut_short(run: Run) -> bool:
    planned = look_up(run.config, "trainer.max_steps")
    return isinstance(planned, int) and run.steps is not None and 0 <= run.steps < planned


def _has_no_commit(run: Run) -> bool:
    return not run.provenance.get("commit")


def _was_changed(run: Run) -> bool:
    return bool(look_up(run.provenance, "commit.dirty"))


def _has_no_config(run: Run) -> bool:
    return run.config is None


def _has_unknown_metric(run: Run) -> bool:
    return any(math.isnan(run.value(task)) for task in run.tasks)


DOUBTS: Mapping[str, Callable[[Run], bool]] = {
    "Stopped before the steps of its config": _is_cut_short,
    "No commit, so the code cannot be traced": _has_no_commit,
    "Run on changed files, so the commit is not all of the code": _was_changed,
    "No config, so of the settings only those recorded are known": _has_no_config,
    "A metric is not a finite number, which leaves the cell of its method empty": (
        _has_unknown_metric
    ),
}


def _batch(run: Run) -> str:
    own = look_up(run.provenance, "data.settings") or {}
    return str(look_up(own, "source.batch_size") or own.get("batch_size"))


def _machine(run: Run) -> Any:
    return look_up(run.provenance, "hardware.device")


def _commit(run: Run) -> str:
    return str(look_up(run.provenance, "commit.hash"))[:7]


def _versions(run: Run) -> Any:
    return run.provenance.get("versions")


def _parameters(run: Run) -> Any:
    return run.provenance.get("parameters")


SAME_IN_A_METHOD: Mapping[str, Callable[[Run], Any]] = {
    "commits": _commit,
    "versions": _versions,
    "parameters": _parameters,
}


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(f"`{name}`" for name in names[:FEW]) + more


def _sorted(values: set[Any]) -> str:
    return ", ".join(sorted(map(str, values), key=lambda text: (len(text), text)))
