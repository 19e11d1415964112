"""The comparison itself: methods by tasks, with spread, Δm, size and speed."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from vtagml.metrics.delta_m import delta_m
from vtagml.metrics.unit import Unit
from vtagml.report.comparable import MISSING
from vtagml.report.methods import Method
from vtagml.report.reported import Reported
from vtagml.report.runs import Run
from vtagml.report.statistics import Spread

Key = tuple[str, str]
"""Task and metric."""

REPORTED, PRIOR = "reported", "image-blind prior"
PERCENT = 100.0
MEAN = "mean"
"""In the place of a task: over all of them, where they have one metric, which is a share."""
ABOUT_SPREAD = (
    "± is the standard deviation over seeds (of the sample, n − 1); a difference below it says "
    "nothing. Arrows point to the better side. Step time is the median of a run's log, without "
    "validation; it compares only on the same quiet machine."
)


@dataclass(frozen=True)
class Row:
    """One line of the comparison.

    Attributes:
        name: The method.
        values: Per task and metric.
        of_seeds: The numbers that these are the mean of, of each run.
        delta: Δm against the baseline in percent, None where it is not defined.
        source: The paper's table, for what is reported and not measured.
        method: What was measured, None for other rows.
    """

    name: str
    values: Mapping[Key, Spread]
    of_seeds: Sequence[Mapping[Key, float]] = ()
    delta: Spread | None = None
    source: str | None = None
    method: Method | None = None

    @property
    def runs(self) -> tuple[Run, ...]:
        return self.method.runs if self.method else ()

    @property
    def trainable(self) -> int | None:
        """Number of parameters that train."""
        return self.runs[0].recorded("parameters.trainable") if self.runs else None

    @property
    def total(self) -> int | None:
        """Number of all parameters."""
        return self.runs[0].recorded("parameters.total") if self.runs else None

    @property
    def steps(self) -> tuple[int, ...]:
        """Of its runs, each number once."""
        return tuple(sorted({run.steps for run in self.runs if run.steps is not None}))

    @property
    def seconds(self) -> Spread | None:
        """Of an optimiser step."""
        known = [time for run in self.runs if (time := run.step_seconds) is not None]
        return Spread.of(known) if known else None


class Column(NamedTuple):
    """What the numbers of a column are of."""

    unit: Unit
    higher_is_better: bool | None


@dataclass(frozen=True)
class Comparison:
    """The rows, what their columns are, and what has to be said.

    Attributes:
        columns: By task and metric; behind them their mean, if they are of one kind.
        rows: Reported rows first, then the prior, then what was measured.
        notes: In whole sentences.
        has_delta: Whether there is a baseline.
    """

    columns: Mapping[Key, Column]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    has_delta: bool

    def heading(self, key: Key) -> str:
        unit, higher_is_better = self.columns[key]
        return unit.heading(higher_is_better, key[0])

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
        key: Column(run.unit(*key), run.better(*key))
        for run in runs
        for key in run.headline.items()
    }
    tasks = {task for task, _ in columns}
    kinds = {(metric, column) for (_, metric), column in columns.items()}
    if len(columns) > 1 and len(kinds) == 1:
        ((metric, column),) = kinds
        # Shares are on one scale; errors of tasks need not be.
        if column.unit.factor == PERCENT and any(set(own.tasks) == tasks for own in methods):
            columns[MEAN, metric] = column
    chosen = [_named(methods, name) for name in baseline]
    against = _baseline(chosen)
    notes = [ABOUT_SPREAD]
    if baseline:
        notes.append(_about_delta([method.name for method in chosen]))
    measured = [_row(method, columns, against) for method in methods]
    if baseline:
        notes += _about_tasks(methods, against)
    rows = [row for table in references for row in _reference(table, methods, columns)]
    notes += [_about_reported(table) for table in references]
    return Comparison(
        columns, (*rows, *_prior(runs, columns), *measured), tuple(notes), bool(baseline)
    )


def _row(method: Method, columns: Mapping[Key, Column], against: Mapping[Key, float]) -> Row:
    runs = method.runs
    own = [key for key in columns if key[0] in method.tasks]
    of_seeds = [_with_mean({key: run.value(key[0]) for key in own}, columns) for run in runs]
    values = {key: Spread.of([each[key] for each in of_seeds]) for key in of_seeds[0]}
    return Row(method.name, values, of_seeds, _delta(runs, own, columns, against), method=method)


def _with_mean(numbers: dict[Key, float], columns: Mapping[Key, Column]) -> dict[Key, float]:
    """Adds the mean over the tasks, if it has a column and no task is missing."""
    *tasks, last = columns
    if last[0] != MEAN or last in numbers or not numbers.keys() >= set(tasks):
        return numbers
    return {**numbers, last: statistics.fmean(numbers[key] for key in tasks)}


def _delta(
    runs: Sequence[Run],
    keys: Sequence[Key],
    columns: Mapping[Key, Column],
    against: Mapping[Key, float],
) -> Spread | None:
    """Δm of each seed against the baseline's mean; their mean is Δm of the mean."""
    if not all(key in against and columns[key].higher_is_better is not None for key in keys):
        return None
    base = {key[0]: against[key] for key in keys}
    better = {key[0]: bool(columns[key].higher_is_better) for key in keys}
    return Spread.of([delta_m({t: run.value(t) for t in base}, base, better) for run in runs])


def _baseline(methods: Sequence[Method]) -> dict[Key, float]:
    means: dict[Key, float] = {}
    for method in methods:
        for key in method.runs[0].headline.items():
            if key in means:
                names = ", ".join(method.name for method in methods)
                raise ValueError(
                    f"`--baseline` must give each task once, found {key[0]} in several of {names}: "
                    "several are for single-task runs, one for each task."
                )
            means[key] = Spread.of([run.value(key[0]) for run in method.runs]).mean
    return means


def _named(methods: Sequence[Method], name: str) -> Method:
    for method in methods:
        folders = [run.folder.resolve() for run in method.runs]
        if name in (method.name, *(folder.name for folder in folders)):
            return method
        if Path(name).resolve() in folders:
            return method
    known = ", ".join(f"`{method.name}`" for method in methods)
    raise ValueError(
        f"`--baseline` must be one of the methods, {known}, or one of their run folders, found "
        f"`{name}`."
    )


def _prior(runs: Sequence[Run], columns: Mapping[Key, Column]) -> list[Row]:
    """The prediction that never looks at the image, over all runs that have it."""
    known: dict[Key, list[float]] = {}
    for run in runs:
        for task, metric in run.headline.items():
            value = run.prior.get(task, {}).get(metric, math.nan)
            if not math.isnan(value):
                known.setdefault((task, metric), []).append(value)
    means = _with_mean({key: Spread.of(values).mean for key, values in known.items()}, columns)
    return [Row(PRIOR, {key: Spread(mean, None) for key, mean in means.items()})] if means else []


def _reference(
    table: Reported, methods: Sequence[Method], columns: Mapping[Key, Column]
) -> list[Row]:
    dataset, _ = methods[0].runs[0].dataset
    known = {task: name for method in methods for task, name in method.runs[0].letters.items()}
    tasks = tuple(dict.fromkeys(known.get(task, task) for task, _ in columns if task != MEAN))
    rows = table.values(dataset, tasks)
    _check_evaluated(table, [run for method in methods for run in method.runs])
    return [
        Row(
            name=method,
            values={key: Spread(cells[key], None) for key in columns if key in cells},
            source=f"{table.paper}, Table {table.table}",
        )
        for method, cells in rows.items()
    ]


def _check_evaluated(table: Reported, runs: Sequence[Run]) -> None:
    for run in runs:
        for task, own in run.comparable.items():
            if table.evaluated != own.get("evaluated"):
                raise ValueError(
                    f"`--reported` must name a table that is evaluated as the runs are; {task} of "
                    f"`{run.folder}` is {own.get('evaluated', MISSING)}, {table.name} "
                    f"{table.evaluated}: the fewer classes there are to choose from, the easier. "
                    "`experiments/settings/one_head_*.yaml` train for one head over all."
                )


def _about_delta(names: Sequence[str]) -> str:
    return (
        f"Δm is the mean relative change of the tasks' metrics against the means of "
        f"{', '.join(names)}, in percent. Its sign is turned where lower is better, so positive is "
        "better than the baseline and negative is worse."
    )


def _about_tasks(methods: Sequence[Method], against: Mapping[Key, float]) -> list[str]:
    tasks = {task for task, _ in against}
    notes = []
    for method in methods:
        own = set(method.tasks)
        if not own <= tasks:
            lacking = ", ".join(sorted(own - tasks))
            notes.append(f"{method.name} has no Δm: the baseline lacks {lacking}.")
        elif own < tasks:
            had = ", ".join(method.tasks)
            notes.append(f"Δm of {method.name} is over its own tasks only: {had}.")
    return notes


def _about_reported(table: Reported) -> str:
    caveat = (
        f"Rows marked {REPORTED} are not measured here but printed in: {table.citation}. Classes, "
        "splits, image size and thresholds there are not known to be the ones here."
    )
    return " ".join([caveat, *table.notes])
