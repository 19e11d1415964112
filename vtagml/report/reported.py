"""The tables of papers, as rows of reference: reported by their authors, not measured here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True)
class Column:
    """What the numbers of a column are of; they are `factor` times what runs keep."""

    dataset: str
    tasks: str
    task: str
    metric: str
    factor: float


@dataclass(frozen=True)
class Reported:
    """A table of a paper.

    Attributes:
        name: As `--reported` takes it.
        paper: Short name of the paper.
        title: Its title and where it appeared.
        table: The table's number there.
        setting: Which of the paper's experiments.
        columns: What the numbers are of.
        rows: A method's numbers as printed; None where unknown.
        source: The dataset that was trained on, where it is not the one of the columns.
        evaluated: What the tasks' classes are told from, where runs may differ in it.
        notes: What a reader of the numbers has to know.
    """

    name: str
    paper: str
    title: str
    table: int
    setting: str
    columns: Sequence[Column]
    rows: Mapping[str, Sequence[float | None]]
    source: str | None = None
    evaluated: str | None = None
    notes: Sequence[str] = ()

    @property
    def citation(self) -> str:
        trained = f", trained on {self.source}" if self.source else ""
        return f"{self.title}, Table {self.table} ({self.setting}{trained})"

    def values(self, dataset: str, tasks: Sequence[str]) -> dict[str, dict[tuple[str, str], float]]:
        """Returns each method's numbers for a dataset and its tasks, in the units that runs keep.

        Args:
            dataset: Name of the dataset's class.
            tasks: Their letters, such as S, D and N, in any order.
        """
        fitting = [
            (place, column)
            for place, column in enumerate(self.columns)
            if column.dataset == dataset and set(column.tasks.split("-")) == set(tasks)
        ]
        if not fitting:
            held = dict.fromkeys(f"{column.dataset} {column.tasks}" for column in self.columns)
            raise ValueError(
                "`--reported` must name a table with the runs' data and tasks, "
                f"{dataset} {'-'.join(tasks)}; {self.name} holds {', '.join(held)}. Numbers of "
                "other data do not compare."
            )
        return {
            method: {
                (column.task, column.metric): number / column.factor
                for place, column in fitting
                if (number := numbers[place]) is not None
            }
            for method, numbers in self.rows.items()
        }


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
    content = yaml.safe_load(text)
    factors: Mapping[str, float] = content["factors"]
    tables = {}
    for name, table in content["tables"].items():
        columns = [
            Column(**own, factor=factors.get(own["metric"], 1.0)) for own in table["columns"]
        ]
        tables[name] = Reported(name=name, **{**table, "columns": columns})
    return tables
