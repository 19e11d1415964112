"""A report for the terminal."""

import math
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from datamodules.check.report import Report, SplitReport

SHOWN = 20


def show(report: Report, console: Console, shown: int = SHOWN) -> None:
    """Print the tables, the first problems, and the verdict."""
    console.print(counts_table(report))
    console.print(labels_table(report))
    for task in report.classes:
        if any(task in split.tasks for split in report.splits.values()):
            console.print(classes_table(report, task))
    for note in report.notes:
        console.print(escape(note), soft_wrap=True)
    for problem in report.problems[:shown]:
        console.print(f"[red]✗[/red] {escape(str(problem))}", soft_wrap=True)
    if len(report.problems) > shown:
        console.print(f"… and {len(report.problems) - shown} more.")
    bad = len({name for split in report.splits.values() for name in split.bad})
    verdict = f"[red]{len(report.problems)} problems, {bad} samples cannot be used.[/red]"
    console.print("[green]Nothing is wrong.[/green]" if report.ok else verdict)


def counts_table(report: Report) -> Table:
    """How many samples each split has, should have, and cannot use."""
    table = _table(report.dataset, ["split"], ["official", "found", "skipped", "bad"])
    table.add_column("height × width")
    for name, split in report.splits.items():
        official = "–" if split.official is None else str(split.official)
        style = "red" if split.bad or split.official not in (None, split.found) else ""
        counts = (split.found, len(split.skipped), len(split.bad))
        table.add_row(name, official, *map(str, counts), _sizes(split), style=style)
    return table


def labels_table(report: Report) -> Table:
    """What the labels of each task hold: unknown pixels, empty samples, range of values."""
    numbers = ["unknown", "nothing known", "from", "to"]
    table = _table("Labels", ["task", "split"], numbers)
    tasks = (task for split in report.splits.values() for task in split.tasks)
    for task in dict.fromkeys(tasks):
        for name, split in report.splits.items():
            if found := split.tasks.get(task):
                share = _percent(found.unknown, found.pixels)
                values = [
                    "" if task in report.classes else _number(end)
                    for end in (found.low, found.high)
                ]
                table.add_row(task, name, share, str(found.empty), *values)
        table.add_section()
    return table


def classes_table(report: Report, task: str) -> Table:
    """The share of the known pixels that each class has in each split."""
    columns = {
        name: split.tasks[task] for name, split in report.splits.items() if task in split.tasks
    }
    table = _table(f"Classes of {task}", ["class"], columns)
    for index, label in enumerate(report.classes[task]):
        cells = [
            _percent(int(found.histogram[index]), found.pixels - found.unknown)
            for found in columns.values()
        ]
        table.add_row(f"{index} {label}", *cells)
    return table


def _table(title: str, words: Iterable[str], numbers: Iterable[str]) -> Table:
    table = Table(*words, title=title, title_justify="left", title_style="bold")
    for column in numbers:
        table.add_column(column, justify="right")
    return table


def _sizes(split: SplitReport) -> str:
    first = [f"{height} × {width}" for (height, width), _ in split.sizes.most_common(2)]
    more = len(split.sizes) - len(first)
    return ", ".join(first) + (f" and {more} others" if more > 0 else "")


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.2f} %" if total else "–"


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "–"
