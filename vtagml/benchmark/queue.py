"""A benchmark's cells as a runner does them: sources first, and only what is not finished."""

from collections.abc import Sequence

from vtagml.benchmark.cells import Cell
from vtagml.benchmark.outcome import State, keep_source_date, outcome_of
from vtagml.launching import Board, Queue, failure_of
from vtagml.run_folder import is_busy

LEFT_ALONE = (State.FINISHED, State.CHANGED)


class CellQueue(Queue[Cell]):
    """The cells that are to finish, until each has its fate.

    Args:
        cells: Each after its source.
        board: Is told of those that are not run.
    """

    def __init__(self, cells: Sequence[Cell], board: Board) -> None:
        self.cells, self.board = cells, board
        self.fates: dict[Cell, State] = {}
        self._begun: set[Cell] = set()

    def next(self) -> Cell | None:
        for cell in self.cells:
            waits = cell.source in self.cells and cell.source not in self.fates
            if waits or cell in self._begun or cell in self.fates:
                continue
            if (fate := _fate_before(cell)) is None:
                if not cell.is_begun:
                    keep_source_date(cell)
                self._begun.add(cell)
                return cell
            self.fates[cell] = fate
            if fate is not State.FINISHED:
                self.board.advance(*_lines(cell, fate))
        return None

    def ended(self, cell: Cell, status: int | None) -> list[str]:
        state = outcome_of(cell).state
        self.fates[cell] = state if status == 0 and state in LEFT_ALONE else State.FAILED
        return _lines(cell, self.fates[cell])


def _fate_before(cell: Cell) -> State | None:
    """The fate that a cell has without being run."""
    if (state := outcome_of(cell).state) in LEFT_ALONE:
        return state
    if cell.source is not None and outcome_of(cell.source).state is not State.FINISHED:
        return State.WITHOUT_SOURCE
    return State.BUSY if is_busy(cell.folder) else None


def _lines(cell: Cell, fate: State) -> list[str]:
    """What has to be said of a cell's fate."""
    reasons: list[str] = []
    if fate is State.CHANGED:
        advice = f"move `{cell.folder}` away to run it anew, or give another `--out`"
        reasons = [*outcome_of(cell).changes, advice]
    if fate is State.WITHOUT_SOURCE and cell.source is not None:
        reasons = [f"`{cell.source.folder}` is not finished"]
    if fate is State.FAILED:
        nothing = f"it has left no `metrics.json`; `{cell.log}` has what it printed"
        reasons = (failure_of(cell) or nothing).splitlines()
    return [f"{cell.name} {fate.value}", *(f"  {reason}" for reason in reasons)]
