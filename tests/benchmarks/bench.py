"""Times and weighs alternatives side by side, and keeps the tables of ratios.

The ratios are there to be read. What is asserted is only what must never happen, with room for a
machine that is busy otherwise.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from vtagml.report.formats import Sheet, markdown
from vtagml.run_files import read_json
from vtagml.run_folder import to_json, write_whole

CLEARLY = 1.25
"""A median ratio further from 1 than this is no noise: the same code again has 0.95 to 1.05."""

QUARTERS = 4
ROUNDS = 7

Run = Callable[[], object]
Ratios = dict[str, float]


@dataclass(frozen=True)
class Row:
    """An alternative beside the first one.

    Attributes:
        name: What it is.
        ratio: Median over the rounds of the ratios within a round.
        low: Lower quartile of the same; of one round its only ratio.
        high: Upper quartile.
        amount: Median of what was measured.
    """

    name: str
    ratio: float
    low: float
    high: float
    amount: float


@dataclass(frozen=True)
class Table:
    """A comparison, and where its numbers come from.

    Attributes:
        title: What is compared, with what by what it is divided.
        unit: Of the amounts.
        rows: The first is what the others are divided by.
        notes: Figures that follow from it, in words.
        origin: Commit, date and machine.
    """

    title: str
    unit: str
    rows: Sequence[Row]
    origin: Mapping[str, Any]
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        cells = tuple(
            (
                row.name,
                f"{row.ratio:.2f}",
                f"{row.low:.2f} – {row.high:.2f}",
                _three_digits(row.amount),
            )
            for row in self.rows
        )
        table = markdown(Sheet(("", "ratio", "quartiles", self.unit), cells))
        origin = ", ".join(f"{key} {value}" for key, value in self.origin.items())
        return "\n".join([f"## {self.title}", "", table, *self.notes, "", f"({origin})", ""])


class Bench:
    """Compares alternatives, prints what it finds, and hands each table on.

    Args:
        shown: Context in which something is seen that is printed.
        keep: Takes every table.
        origin: Where the numbers come from.
    """

    def __init__(
        self,
        shown: Callable[[], AbstractContextManager[None]],
        keep: Callable[[Table], None],
        origin: Mapping[str, Any],
    ) -> None:
        self.shown, self.keep, self.origin = shown, keep, origin

    def time(self, title: str, alternatives: Mapping[str, Run], rounds: int = ROUNDS) -> Ratios:
        """Runs the alternatives in turn, so that a machine that slows down slows all of them.

        The order is reversed every other round.
        """
        for run in alternatives.values():
            run()  # warm-up: allocations, kernels, lazy buffers
        found: dict[str, list[float]] = {name: [] for name in alternatives}
        for number in range(rounds):
            names = list(alternatives)
            for name in reversed(names) if number % 2 else names:
                start = time.perf_counter()
                alternatives[name]()
                found[name].append(1000 * (time.perf_counter() - start))
        return self.found(f"{title}, time", "ms", found)

    def memory(self, title: str, alternatives: Mapping[str, Run]) -> Ratios:
        """Most memory that each holds at once beyond what it started with."""
        found = {name: [peak(run)] for name, run in alternatives.items()}
        return self.found(f"{title}, peak memory", "MiB", found)

    def note(self, words: str) -> None:
        """Says a figure that follows from the last table."""
        self.last.notes.append(words)
        self.keep(self.last)
        with self.shown():
            print(f"  {words}")

    def found(self, title: str, unit: str, found: Mapping[str, Sequence[float]]) -> Ratios:
        """Takes what was measured round by round, prints and keeps its table."""
        first = next(iter(found.values()))
        rows = [
            _row(name, [own / other for own, other in zip(amounts, first, strict=True)], amounts)
            for name, amounts in found.items()
        ]
        title = title[0].upper() + title[1:]
        self.last = Table(title, unit, rows, self.origin)
        self.keep(self.last)
        with self.shown():
            print(f"\n{title} (ratio to the first)")
            for row in rows:
                print(f"  {row.name:<45} {row.ratio:6.2f}   ({_three_digits(row.amount)} {unit})")
        return {row.name: row.ratio for row in rows}


def _row(name: str, ratios: Sequence[float], amounts: Sequence[float]) -> Row:
    quarters = statistics.quantiles(ratios, n=QUARTERS) if len(ratios) > 1 else list(ratios)
    median = statistics.median
    return Row(name, median(ratios), quarters[0], quarters[-1], median(amounts))


def _three_digits(number: float) -> str:
    return f"{float(f'{number:.3g}'):g}"


def peak(run: Run) -> float:
    """Most memory that a call holds at once beyond what it started with, in MiB."""
    run()
    with torch.profiler.profile(profile_memory=True) as profiler:
        run()
    memory = (event for event in _events(profiler) if event.get("name") == "[memory]")
    in_order = sorted(memory, key=lambda event: event["ts"])
    return max(accumulate(event["args"]["Bytes"] for event in in_order)) / 2**20


def _events(profiler: Any) -> Iterator[dict[str, Any]]:
    # The profiler's own list of events leaves out most allocations; the trace has them all.
    with TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(trace))
        yield from json.loads(trace.read_text())["traceEvents"]


def keep_tables(tables: Sequence[Table], folder: Path) -> None:
    """Writes tables beside those of other titles that are kept there, in Markdown and JSON."""
    file = folder / "bench.json"
    kept = {each["title"]: _read(each) for each in read_json(file)} if file.is_file() else {}
    kept |= {table.title: table for table in tables}
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(file, to_json([asdict(table) for table in kept.values()]))
    text = "\n".join(["# What things cost", "", *(table.text() for table in kept.values())])
    write_whole(folder / "bench.md", text.encode())


def _read(table: Mapping[str, Any]) -> Table:
    rows = [Row(**row) for row in table["rows"]]
    return Table(table["title"], table["unit"], rows, table["origin"], list(table["notes"]))
