"""What `benchmark` does: a plan's runs, each as an ordinary command, and their tables."""

from collections.abc import Sequence
from pathlib import Path

from rich import get_console

from vtagml.benchmark import (
    LEFT_ALONE,
    CellQueue,
    State,
    all_cells,
    chosen_cells,
    outcome_of,
    read_plan,
    setting_table,
    table_text,
)
from vtagml.commands import parse
from vtagml.commands.messages import say
from vtagml.launching import INTERRUPTED, Board, Runner, as_typed
from vtagml.report import terminal
from vtagml.run_folder import run_lock, write_whole

TABLE = "table.md"


class PlannedRuns:
    """The runs of a plan that are wanted, and the tables of all.

    Args:
        file: The plan.
        out: Where its runs go, by default where it says.
        only: Names of rows or settings; none means all.
    """

    def __init__(self, file: Path, out: Path | None, only: Sequence[str]) -> None:
        self.plan = read_plan(file)
        self.out = out or self.plan.out
        self.cells = all_cells(self.plan, self.out, parse.resolved)
        self.chosen = chosen_cells(self.plan, self.cells, only)

    def run(self, processes: int) -> None:
        """Runs what is missing, so many at once; the exit status says whether all is there."""
        self._check()
        status = 0
        with run_lock(self.out, "--out"):
            try:
                status = self._run(processes)
            except KeyboardInterrupt:
                status = INTERRUPTED
                say("Stopped; the same command goes on.")
            finally:
                self.write_tables()
        if status:
            raise SystemExit(status)

    def _check(self) -> None:
        """Says what is wrong with a row before hours go into the first."""
        for cell in self.chosen:
            if outcome_of(cell).state not in LEFT_ALONE:
                _ = cell.settings

    def _run(self, processes: int) -> int:
        left = sum(outcome_of(cell).state is not State.FINISHED for cell in self.chosen)
        board = Board(left)
        queue = CellQueue(self.chosen, board)
        Runner(queue, board, processes).run()
        unfinished = [cell.name for cell, fate in queue.fates.items() if fate is not State.FINISHED]
        if unfinished:
            count, names = len(self.chosen), ", ".join(unfinished)
            say(f"{len(unfinished)} of {count} runs are not finished: {names}.")
        return 1 if unfinished else 0

    def say_commands(self) -> None:
        """Prints what would run, one command a line, so that a shell could run it."""
        self._check()
        for cell in self.chosen:
            outcome = outcome_of(cell)
            if outcome.state in LEFT_ALONE:
                say(f"# {cell.name}: {outcome.state.value}")
                say(*(f"#   {change}" for change in outcome.changes))
            else:
                say(as_typed(cell.command(outcome.state is State.BROKEN_OFF)))

    def write_tables(self) -> None:
        """Prints and writes the table of each setting, as far as it was run."""
        outcomes = {cell: outcome_of(cell) for cell in self.cells}
        tables = [setting_table(setting, outcomes) for setting in self.plan.settings]
        for table in tables:
            get_console().print(terminal(table.sheet, table.setting.title))
        write_whole(self.out / TABLE, table_text(self.plan, tables).encode())
        say(f"In `{self.out}`: {TABLE}.")
