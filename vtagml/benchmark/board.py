"""What people see of a benchmark at work: a bar over cells, and a line for each that ends."""

from collections.abc import Mapping, Sequence
from types import TracebackType

from rich import get_console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from vtagml.benchmark.cells import Cell
from vtagml.benchmark.driver import Fate, Watcher
from vtagml.benchmark.estimate import Estimate, duration
from vtagml.benchmark.standing import Standing, failure, standing


class Board(Watcher):
    """Shows progress; where there is no terminal, only the lines.

    Args:
        standings: Of all cells that are to finish, before the start.
        processes: How many run at once.
    """

    def __init__(self, standings: Mapping[Cell, Standing], processes: int) -> None:
        self.estimate = Estimate(standings)
        self.processes = processes
        self._waiting: Sequence[Cell] = list(standings)
        self._working: dict[Cell, float] = {}
        console = get_console()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left: {task.fields[left]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("benchmark", total=len(standings), left="unknown")

    def __enter__(self) -> "Board":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def began(self, cell: Cell, resumed: bool) -> None:
        self._working[cell] = 0.0
        self._say(f"{cell.name} {'goes on' if resumed else 'begins'}: `{cell.log}`")

    def waits(self, waiting: Sequence[Cell], working: dict[Cell, float]) -> None:
        self._waiting, self._working = waiting, working
        names = ", ".join(cell.name for cell in working)
        self._bar.update(self._task, description=names, left=self._left())

    def ended(self, cell: Cell, fate: Fate, seconds: float) -> None:
        ran = self._working.pop(cell, None) is not None
        self._waiting = [each for each in self._waiting if each is not cell]
        if ran and fate is Fate.FINISHED:
            self.estimate.learn(cell, seconds)
        self._bar.update(self._task, advance=1, left=self._left())
        after = f" after {duration(seconds)}, left: {self._left()}" if ran else ""
        if ran or fate is not Fate.FINISHED:
            self._say(f"{cell.name} {fate.value}{after}")
        for said in reasons(cell, fate):
            self._say(f"  {said}")

    def _left(self) -> str:
        return duration(self.estimate.remaining(self._waiting, self._working, self.processes))

    def _say(self, line: str) -> None:
        self._bar.console.print(line, soft_wrap=True, markup=False, highlight=False)


def reasons(cell: Cell, fate: Fate) -> list[str]:
    """What has to be said of a cell's fate, in lines."""
    if fate is Fate.CHANGED:
        advice = f"move `{cell.folder}` away to run it anew, or give another `--out`"
        return [*standing(cell).why, advice]
    if fate is Fate.WITHOUT_SOURCE and cell.source is not None:
        return [f"`{cell.source.folder}` is not finished"]
    if fate is Fate.FAILED:
        said = failure(cell)
        nothing = f"it has left no `metrics.json`; `{cell.log}` has what it printed"
        return said.splitlines() if said else [nothing]
    return []
