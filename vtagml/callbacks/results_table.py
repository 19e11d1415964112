"""The table of results on the terminal."""

import math
from collections.abc import Mapping

from rich.table import Table

from vtagml.metrics.unit import Unit
from vtagml.tasks import Task

Metrics = Mapping[str, Mapping[str, float]]


def results_table(rows: Mapping[str, Metrics], tasks: Mapping[str, Task]) -> Table:
    """Returns a table with a line per metric, grouped by task, and a column per result.

    Metrics stand below each other because some fifteen of them beside each other fit no terminal.
    The headline metric of a task comes first and is bold, the best value of a line is green. Units
    are those of reports.

    Args:
        rows: What was evaluated, the model first: task, metric, value.
        tasks: Say in which units the metrics are, and whether higher is better.
    """
    table = Table(title="Test results", title_justify="left", title_style="bold")
    table.add_column("task")
    table.add_column("metric")
    for row in rows:
        table.add_column(row, justify="right")
    for name in next(iter(rows.values())):
        task = tasks[name]
        better = task.directions()
        keys = [key for metrics in rows.values() for key in metrics.get(name, {})]
        first = [key for key in keys if key == task.headline]
        for line, key in enumerate(dict.fromkeys(first + keys)):
            unit, higher = task.units.get(key, Unit(key)), better.get(key)
            values = [metrics.get(name, {}).get(key, math.nan) for metrics in rows.values()]
            style = "bold" if key == task.headline else ""
            cells = _cells(values, unit, higher)
            table.add_row("" if line else name, unit.heading(higher), *cells, style=style)
        table.add_section()
    return table


def _cells(values: list[float], unit: Unit, higher: bool | None) -> list[str]:
    known = [value for value in values if not math.isnan(value)]
    best = None if higher is None or len(set(known)) < 2 else (max if higher else min)(known)
    return [
        f"[green]{unit.written(value)}[/green]" if value == best else unit.written(value)
        for value in values
    ]
