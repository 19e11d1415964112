"""What runs must have in common to stand in one table, and what a reader must be told."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vtagml.report.methods import INCIDENTAL_OF_DATA, Method, everywhere_without
from vtagml.report.record import look_up
from vtagml.report.runs import Run

# Settings of the data that change how images are learned from, and not from which.
OF_LEARNING = (*INCIDENTAL_OF_DATA, "augment", "batch_size", "geometry", "tasks", "variants")
# Those that belong to the method: it may choose what it learns from.
OF_THE_METHOD = (*OF_LEARNING, "train_split", "withheld")
MISSING = "not recorded"
NETWORK = "network"  # What drawn scenes, which do not say it, are evaluated at.
FEW = 4


def refuse_mix(runs: Sequence[Run]) -> None:
    """Raises a ValueError that names every difference by which the runs cannot be compared."""
    known = [aspects(run) for run in runs]
    differences = []
    for task, words in dict.fromkeys(key for own in known for key in own):
        values: dict[str, list[str]] = {}
        for run, own in zip(runs, known, strict=True):
            # A task that a run does not have is no difference.
            if task is None or task in run.tasks:
                value = str(own.get((task, words), MISSING))
                values.setdefault(value, []).append(str(run.folder))
        if len(values) > 1:
            parts = (f"{value} in {_listed(folders)}" for value, folders in values.items())
            differences.append(f"  - {': '.join(filter(None, (task, words)))}: {'; '.join(parts)}")
    if differences:
        raise ValueError(
            "`RUN` must be of the same data, evaluated alike, with the same classes, units, ranges "
            "and thresholds, or the numbers of one column mean different things. Found:\n"
            + "\n".join(differences)
            + "\nMake a report of each kind."
        )


def aspects(run: Run) -> dict[tuple[str | None, str], Any]:
    """Returns what must not differ, by task (None: concerns all) and words for it."""
    dataset, own = run.dataset
    common = {
        "dataset": dataset,
        "test samples": run.recorded("test_samples"),
        "evaluated at": (size := own.get("evaluated_at", NETWORK)),
        "augmented testing": run.recorded("augmented_testing"),
    }
    # At the size on disk an evaluation does not depend on what the network sees.
    free = ("image_size",) if size != NETWORK else ()
    for key, value in everywhere_without(own, (*OF_THE_METHOD, *free)).items():
        common[f"data.{key}"] = value
    kept: dict[tuple[str | None, str], Any] = {(None, name): each for name, each in common.items()}
    for task, metric in run.headline.items():
        said = {"metric": metric, "higher is better": run.better(task, metric)}
        for words, value in {**run.comparable.get(task, {}), **said}.items():
            kept[task, words] = value
    return kept


def warnings_of(methods: Sequence[Method]) -> list[str]:
    """Returns what may be compared but must be said."""
    runs = [run for method in methods for run in method.runs]
    warnings = []
    if len(steps := {run.steps for run in runs}) > 1:
        warnings.append(
            f"Steps differ ({_sorted(steps)}): what trained longer has an advantage that is not "
            "the method's."
        )
    if len(sizes := {_batch(run) for run in runs}) > 1:
        warnings.append(
            f"Images of a step differ ({_sorted(sizes)}): so do those of as many steps."
        )
    warnings += _other_training_data(methods)
    if len(places := {run.recorded("hardware.device") for run in runs}) > 1:
        warnings.append(f"Machines differ ({_sorted(places)}): step times do not compare.")
    for method in methods:
        for words, read in SAME_IN_A_METHOD.items():
            if len(values := {str(read(run)) for run in method.runs}) > 1:
                warnings.append(
                    f"{method.name}: {words} differ between its runs ({_sorted(values)})."
                )
    for words, holds in DOUBTS.items():
        if doubtful := [str(run.folder) for run in runs if holds(run)]:
            warnings.append(f"{words}: {_listed(doubtful)}.")
    if alone := [method.name for method in methods if len(method.runs) == 1]:
        warnings.append(f"One seed only, so no spread: {'; '.join(alone)}.")
    return warnings


def _other_training_data(methods: Sequence[Method]) -> list[str]:
    """Names the methods that learned from other data than the first, if any."""
    known = {
        method.name: everywhere_without(look_up(method.runs[0].config, "data") or {}, OF_LEARNING)
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


DOUBTS: Mapping[str, Callable[[Run], bool]] = {
    "Stopped before the steps of its config": _is_cut_short,
    "No commit, so the code cannot be traced": lambda run: not run.recorded("commit"),
    "Run on changed files, so the commit is not all of the code": lambda run: bool(
        run.recorded("commit.dirty")
    ),
    "No config, so of the settings only those recorded are known": lambda run: run.config is None,
    "A metric is not a finite number, which leaves the cell of its method empty": lambda run: any(
        math.isnan(run.value(task)) for task in run.tasks
    ),
}
SAME_IN_A_METHOD: Mapping[str, Callable[[Run], Any]] = {
    "commits": lambda run: str(run.recorded("commit.hash"))[:7],
    "versions": lambda run: run.recorded("versions"),
    "parameters": lambda run: run.recorded("parameters"),
}


def _batch(run: Run) -> str:
    """Images of an optimiser step."""
    own = run.recorded("data.settings") or {}
    size = look_up(own, "source.settings.batch_size") or own.get("batch_size")
    if not isinstance(size, int):
        return str(size)
    accumulated = look_up(run.config, "trainer.accumulate_grad_batches") or 1
    return str(size * accumulated * (run.recorded("hardware.processes") or 1))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(f"`{name}`" for name in names[:FEW]) + more


def _sorted(values: set[Any]) -> str:
    return ", ".join(sorted(map(str, values), key=lambda text: (len(text), text)))
