"""The tables of papers, as rows of reference: reported by their authors, not measured here."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from vtagml.report.units import OF_PAPERS

LETTERS = {"segmentation": "S", "depth": "D", "normals": "N", "edges": "E"}


@dataclass(frozen=True)
class Column:
    """What the numbers of a column of a paper's table are of."""

    dataset: str
    tasks: str
    task: str
    metric: str
    unit: str


@dataclass(frozen=True)
class Reported:
    """A table of a paper.

    Attributes:
        name: As `--reported` takes it.
        paper: Short name of the paper.
        title: Its title and where it appeared.
        table: The table's number there.
        setting: Which of the paper's experiments.
        source: The dataset that was trained on, where it is not the one of the columns.
        notes: What a reader of the numbers has to know.
        columns: What the numbers are of.
        rows: A method's numbers as printed, in the columns' units; None where unknown.
    """

    name: str
    paper: str
    title: str
    table: int
    setting: str
    source: str | None
    notes: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: Mapping[str, tuple[float | None, ...]]

    @property
    def citation(self) -> str:
        trained = f", trained on {self.source}" if self.source else ""
        return f"{self.title}, Table {self.table} ({self.setting}{trained})"

    def values(self, dataset: str, tasks: str) -> dict[str, dict[tuple[str, str], float]]:
        """Returns each method's numbers for a dataset and its tasks, in the units that runs keep.

        Args:
            dataset: Name of the dataset's class.
            tasks: Such as `S-D-N`.
        """
        fitting = [
            (place, column)
            for place, column in enumerate(self.columns)
            if (column.dataset, column.tasks) == (dataset, tasks)
        ]
        if not fitting:
            held = dict.fromkeys(f"{each.dataset} {each.tasks}" for each in self.columns)
            raise ValueError(
                f"`--reported` must name a table with the runs' data and tasks, {dataset} {tasks}; "
                f"{self.name} holds {', '.join(held)}. Numbers of other data do not compare; "
                f"`lightning report --reported {self.name}` without runs shows the table."
            )
        found: dict[str, dict[tuple[str, str], float]] = {}
        for method, numbers in self.rows.items():
            cells = ((column, numbers[place]) for place, column in fitting)
            found[method] = {
                (column.task, column.metric): number * OF_PAPERS[column.unit]
                for column, number in cells
                if number is not None
            }
        return found


def reported(name: str) -> Reported:
    """Returns a table by name."""
    tables = all_reported()
    if name not in tables:
        raise ValueError(f"`--reported` must be one of {', '.join(tables)}, found `{name}`.")
    return tables[name]


@cache
def all_reported() -> dict[str, Reported]:
    """Returns all tables that the package holds, by name."""
    text = files("vtagml.report").joinpath("reported.yaml").read_text(encoding="utf-8")
    return {name: _table(name, content) for name, content in yaml.safe_load(text).items()}


def _table(name: str, content: Mapping[str, Any]) -> Reported:
    return Reported(
        name=name,
        paper=content["paper"],
        title=content["title"],
        table=content["table"],
        setting=content["setting"],
        source=content.get("source"),
        notes=tuple(content.get("notes", ())),
        columns=tuple(Column(**column) for column in content["columns"]),
        rows={
            method: tuple(None if each is None else float(each) for each in numbers)
            for method, numbers in content["rows"].items()
        },
    )


def letters(tasks: tuple[str, ...]) -> str:
    """Returns the papers' short name of a set of tasks: `S-D-N-E`."""
    rest = [task for task in tasks if task not in LETTERS]
    return "-".join([letter for task, letter in LETTERS.items() if task in tasks] + rest)
