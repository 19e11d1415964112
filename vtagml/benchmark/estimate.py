"""How long the rest will take, from what the cells so far took."""

import math
from collections.abc import Mapping, Sequence

from vtagml.benchmark.cells import Cell
from vtagml.benchmark.standing import Standing
from vtagml.report.record import look_up


class Estimate:
    """Guesses the time of cells: of their row, or of all that train or all that test.

    Args:
        standings: Of all cells; what is finished says how long its training took.
    """

    def __init__(self, standings: Mapping[Cell, Standing]) -> None:
        self._known: dict[str, list[float]] = {}
        for cell, each in standings.items():
            seconds = look_up(each.run.provenance, "training.seconds") if each.run else None
            # A test's own time is not recorded, only that of the training before it.
            if isinstance(seconds, int | float) and seconds > 0 and cell.row.command == "fit":
                self.learn(cell, float(seconds))

    def learn(self, cell: Cell, seconds: float) -> None:
        """Takes note of how long a cell took."""
        for name in (cell.row.name, f"{cell.row.command} of any row"):
            self._known.setdefault(name, []).append(seconds)

    def of(self, cell: Cell) -> float:
        """The seconds a cell takes; NaN while nothing of its kind is known."""
        for name in (cell.row.name, f"{cell.row.command} of any row"):
            if known := self._known.get(name):
                return sum(known) / len(known)
        return 0.0 if cell.row.command == "test" else math.nan

    def remaining(
        self, waiting: Sequence[Cell], working: Mapping[Cell, float], processes: int
    ) -> float:
        """The seconds until all are done, at the same pace.

        Args:
            waiting: Cells that have not begun.
            working: Cells at work, and for how long they have been.
            processes: How many work at once.
        """
        left = [max(0.0, self.of(cell) - since) for cell, since in working.items()]
        # Neither faster than the longest, nor than all shared among the processes.
        whole = [self.of(cell) for cell in waiting]
        return max([sum(left + whole) / processes, *left, *whole], default=0.0)


def duration(seconds: float) -> str:
    """Returns hours, minutes or seconds, as `1 h 05 min`; `unknown` for NaN."""
    if math.isnan(seconds):
        return "unknown"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
