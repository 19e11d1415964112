"""The comparison itself: methods by tasks, with spread, Δm, size and speed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vtagml.metrics.delta_m import delta_m
from vtagml.report.comparable import direction
from vtagml.report.methods import Method
from vtagml.report.record import look_up
from vtagml.report.reported import Reported, letters
from vtagml.report.runs import Run
from vtagml.report.statistics import Spread
from vtagml.report.units import heading

Key = tuple[str, str]
"""Task and metric."""

REPORTED, PRIOR = "reported", "image-blind prior"


@dataclass(frozen=True)
class Row:
    """One line of the comparison.

    Attributes:
        name: The method.
        values: Per task and metric.
        delta: Δm against the baseline in percent, None where it is not defined.
        trainable: Number of parameters that train.
        total: Number of all parameters.
        steps: Of its runs, each number once.
        seconds: Of an optimiser step.
        seeds: How many runs; 0 for what was not measured by runs of its own.
        source: The paper's table, for what is reported and not measured.
        method: What was measured, None for other rows.
    """

    name: str
    values: Mapping[Key, Spread]
    delta: Spread | None = None
    trainable: int | None = None
    total: int | None = None
    steps: tuple[int, ...] = ()
    seconds: Spread | None = None
    seeds: int = 0
    source: str | None = None
    method: Method | None = None


@dataclass(frozen=True)
class Comparison:
    """The rows, what their columns are, and what has to be said.

    Attributes:
        columns: Task and metric, with the better direction.
        rows: Reported rows first, then the prior, then what was measured.
        notes: In whole sentences.
        has_delta: Whether there is a baseline.
    """

    columns: Mapping[Key, bool | None]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    has_delta: bool

    def heading(self, key: Key) -> str:
        return heading(*key, self.columns[key])

    @property
    def methods(self) -> list[Method]:
        return [row.method for row in self.rows if row.method is not None]


def compare(
    methods: Sequence[Method], baseline: Sequence[str] = (), references: Sequence[Reported] = ()
) -> Comparison:
    """Makes the comparison of runs that `refuse_mix` has let pass.

    Args:
        methods: At least one.
        baseline: Names of the methods, or names or paths of run folders, whose means Δm is against:
            one, or a single-task method for each task.
        references: Tables of papers with the runs' data and tasks.
    """
    runs = [run for method in methods for run in method.runs]
    columns = {
        (task, run.headline[task]): direction(run, task) for run in runs for task in run.tasks
    }
    chosen = [_named(methods, name) for name in baseline]
    against = _baseline(chosen)
    notes = [_about_spread()]
    if baseline:
        notes.append(_about_delta([method.name for method in chosen]))
    measured = [_row(method, columns, against) for method in methods]
    if baseline:
        notes += _about_tasks(methods, against)
    rows = [row for table in references for row in _reference(table, methods, columns)]
    notes += [_about_reported(table) for table in references]
    return Comparison(columns, (*rows, *_prior(runs), *measured), tuple(notes), bool(baseline))


def _row(method: Method, columns: Mapping[Key, bool | None], against: Mapping[Key, float]) -> Row:
    runs = method.runs
    own = [key for key in columns if key[0] in method.tasks]
    seconds = [each for run in runs if (each := run.step_seconds) is not None]
    return Row(
        name=method.name,
        values={key: Spread.of([run.value(key[0]) for run in runs]) for key in own},
        delta=_delta(runs, own, columns, against),
        trainable=look_up(runs[0].provenance, "parameters.trainable"),
        total=look_up(runs[0].provenance, "parameters.total"),
        steps=tuple(sorted({run.steps for run in runs if run.steps is not None})),
        seconds=Spread.of(seconds) if seconds else None,
        seeds=len(runs),
        method=method,
    )


def _delta(
    runs: Sequence[Run],
    keys: Sequence[Key],
    columns: Mapping[Key, bool | None],
    against: Mapping[Key, float],
) -> Spread | None:
    """Δm of each seed against the baseline's mean; their mean is Δm of the mean."""
    if not all(key in against and columns[key] is not None for key in keys):
        return None
    base = {task: against[task, metric] for task, metric in keys}
    better = {task: bool(columns[task, metric]) for task, metric in keys}
    return Spread.of([delta_m({t: run.value(t) for t in base}, base, better) for run in runs])


def _baseline(methods: Sequence[Method]) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for method in methods:
        for task in method.tasks:
            key = (task, method.runs[0].headline[task])
            if key in found:
                names = ", ".join(each.name for each in methods)
                raise ValueError(
                    f"`--baseline` must give each task once, found {task} in several of {names}: "
                    "several are for single-task runs, one for each task."
                )
            found[key] = Spread.of([run.value(task) for run in method.runs]).mean
    return found


def _named(methods: Sequence[Method], name: str) -> Method:
    for method in methods:
        folders = [run.folder.resolve() for run in method.runs]
        if name in (method.name, *(each.name for each in folders)):
            return method
        if Path(name).resolve() in folders:
            return method
    known = ", ".join(f"`{method.name}`" for method in methods)
    raise ValueError(
        f"`--baseline` must be one of the methods, {known}, or one of their run folders, found "
        f"`{name}`."
    )


def _prior(runs: Sequence[Run]) -> list[Row]:
    """The prediction that never looks at the image, over all runs that have it."""
    found: dict[Key, list[float]] = {}
    for run in runs:
        for task, metric in run.headline.items():
            value = run.prior.get(task, {}).get(metric, math.nan)
            if not math.isnan(value):
                found.setdefault((task, metric), []).append(value)
    if not found:
        return []
    means = {key: Spread(Spread.of(values).mean, None, 1) for key, values in found.items()}
    return [Row(PRIOR, means)]


def _reference(
    table: Reported, methods: Sequence[Method], columns: Mapping[Key, bool | None]
) -> list[Row]:
    dataset, _ = methods[0].runs[0].dataset
    tasks = letters(tuple(dict.fromkeys(task for task, _ in columns)))
    return [
        Row(
            name=method,
            values={key: Spread(cells[key], None, 1) for key in columns if key in cells},
            source=f"{table.paper}, Table {table.table}",
        )
        for method, cells in table.values(dataset, tasks).items()
    ]


def _about_spread() -> str:
    return (
        "± is the standard deviation over seeds (of the sample, n − 1); a difference below it says "
        "nothing. Arrows point to the better side. Step time is the median of a run's log, without "
        "validation; it compares only on the same quiet machine."
    )


def _about_delta(names: Sequence[str]) -> str:
    return (
        f"Δm is the mean relative change of the tasks' metrics against the means of "
        f"{', '.join(names)}, in percent. Its sign is turned where lower is better, so positive is "
        "better than the baseline and negative is worse."
    )


def _about_tasks(methods: Sequence[Method], against: Mapping[Key, float]) -> list[str]:
    tasks = {task for task, _ in against}
    said = []
    for method in methods:
        own = set(method.tasks)
        if not own <= tasks:
            lacking = ", ".join(sorted(own - tasks))
            said.append(f"{method.name} has no Δm: the baseline lacks {lacking}.")
        elif own < tasks:
            had = ", ".join(method.tasks)
            said.append(f"Δm of {method.name} is over its own tasks only: {had}.")
    return said


def _about_reported(table: Reported) -> str:
    said = (
        f"Rows marked {REPORTED} are not measured here but printed in: {table.citation}. Classes, "
        "splits, image size and thresholds there are not known to be the ones here."
    )
    return " ".join([said, *table.notes])
