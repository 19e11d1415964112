"""What `benchmark` does: a plan's runs, each as an ordinary command, and their tables."""

from collections.abc import Sequence
from pathlib import Path

from rich import get_console

from vtagml.benchmark import (
    Cell,
    CellQueue,
    Plan,
    Resolve,
    State,
    all_cells,
    chosen_cells,
    outcome_of,
    read_plan,
    setting_table,
    table_text,
)
from vtagml.commands.messages import say
from vtagml.commands.parse import resolved
from vtagml.launching import Board, Runner, as_typed
from vtagml.report import terminal
from vtagml.run_folder import run_lock, write_whole

INTERRUPTED = 130
TABLE = "table.md"


def run_plan(
    file: Path,
    out: Path | None,
    only: Sequence[str],
    processes: int,
    dry_run: bool,
    table_only: bool,
    resolve: Resolve = resolved,
) -> None:
    """Runs what is missing of a plan, as `lightning benchmark` says.

    Args:
        file: The plan.
        out: Where its runs go, by default where it says.
        only: Names of rows or settings; none means all.
        processes: How many run at once.
        dry_run: Only prints the commands.
        table_only: Only writes the tables.
        resolve: Makes of the words of an experiment its config.
    """
    if processes < 1:
        raise ValueError(
            f"`--processes` must be 1 or more, found {processes}: it is how many runs are at work "
            "at once."
        )
    plan = read_plan(file)
    out = out or plan.out
    cells = all_cells(plan, out, resolve)
    chosen = chosen_cells(plan, cells, only)
    if table_only:
        _write_tables(plan, cells, out)
        return
    for cell in chosen:
        if outcome_of(cell).state not in (State.FINISHED, State.CHANGED):
            _ = cell.settings  # says what is wrong with a row before hours go into the first
    if dry_run:
        _say_commands(chosen)
        return
    status = 0
    with run_lock(out, "--out"):
        try:
            status = _run(chosen, processes)
        except KeyboardInterrupt:
            status = INTERRUPTED
            say("Stopped; the same command goes on.")
        finally:
            _write_tables(plan, cells, out)
    if status:
        raise SystemExit(status)


def _run(cells: Sequence[Cell], processes: int) -> int:
    board = Board(sum(outcome_of(cell).state is not State.FINISHED for cell in cells))
    queue = CellQueue(cells, board)
    Runner(queue, board, processes).run()
    unfinished = [cell.name for cell, fate in queue.fates.items() if fate is not State.FINISHED]
    if unfinished:
        say(f"{len(unfinished)} of {len(cells)} runs are not finished: {', '.join(unfinished)}.")
    return 1 if unfinished else 0


def _say_commands(cells: Sequence[Cell]) -> None:
    """Prints what would run, one command a line, so that a shell could run it."""
    for cell in cells:
        outcome = outcome_of(cell)
        if outcome.state in (State.FINISHED, State.CHANGED):
            say(f"# {cell.name}: {outcome.state.value}")
            for change in outcome.changes:
                say(f"#   {change}")
        else:
            say(as_typed(cell.command(outcome.state is State.BROKEN_OFF)))


def _write_tables(plan: Plan, cells: Sequence[Cell], out: Path) -> None:
    outcomes = {cell: outcome_of(cell) for cell in cells}
    tables = [setting_table(setting, outcomes) for setting in plan.settings]
    for table in tables:
        get_console().print(terminal(table.sheet, table.setting.title))
    write_whole(out / TABLE, table_text(plan, tables).encode())
    say(f"In `{out}`: {TABLE}.")
