"""The table of results on the terminal."""

import math
from collections.abc import Mapping

from rich.table import Table

from vtagml.report.units import heading, shown
from vtagml.tasks import Task

Metrics = Mapping[str, Mapping[str, float]]
Directions = Mapping[str, Mapping[str, bool | None]]


def directions(tasks: Mapping[str, Task]) -> dict[str, dict[str, bool | None]]:
    """Returns for each metric of each task whether higher is better, None where nobody says."""
    found: dict[str, dict[str, bool | None]] = {}
    for name, task in tasks.items():
        metrics = task.metrics().items()
        found[name] = {key: getattr(metric, "higher_is_better", None) for key, metric in metrics}
        found[name][task.headline] = task.higher_is_better
    return found


def results_table(
    rows: Mapping[str, Metrics], better: Directions, headlines: Mapping[str, str]
) -> Table:
    """Returns a table with a line per metric, grouped by task, and a column per result.

    Metrics stand below each other because some fifteen of them beside each other fit no terminal.
    The headline metric of a task comes first and is bold, the best value of a line is green. Units
    are those of reports.

    Args:
        rows: What was evaluated, the model first: task, metric, value.
        better: Whether higher is better, per task and metric.
        headlines: The headline metric of each task.
    """
    table = Table(title="Test results", title_justify="left", title_style="bold")
    table.add_column("task")
    table.add_column("metric")
    for row in rows:
        table.add_column(row, justify="right")
    for task in next(iter(rows.values())):
        keys = [key for metrics in rows.values() for key in metrics.get(task, {})]
        first = [key for key in keys if key == headlines.get(task)]
        for line, key in enumerate(dict.fromkeys(first + keys)):
            higher = better.get(task, {}).get(key)
            values = [metrics.get(task, {}).get(key, math.nan) for metrics in rows.values()]
            style = "bold" if headlines.get(task) == key else ""
            name = task if line == 0 else ""
            table.add_row(name, heading("", key, higher), *_cells(values, key, higher), style=style)
        table.add_section()
    return table


def _cells(values: list[float], metric: str, higher: bool | None) -> list[str]:
    known = [value for value in values if not math.isnan(value)]
    best = None if higher is None or len(known) < 2 else (max if higher else min)(known)
    return [_cell(value, metric, value == best and len(set(known)) > 1) for value in values]


def _cell(value: float, metric: str, best: bool) -> str:
    _, factor, decimals = shown(metric)
    text = "–" if math.isnan(value) else f"{factor * value:.{decimals}f}"
    return f"[green]{text}[/green]" if best else text
