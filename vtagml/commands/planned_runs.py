"""What `benchmark` does: a plan's runs, each as an ordinary command, and their tables."""

from argparse import ArgumentError
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import get_console

from vtagml.benchmark import (
    Cell,
    Driver,
    Fate,
    Plan,
    Standing,
    State,
    all_cells,
    chosen_cells,
    read_plan,
    setting_tables,
    shown,
    standing,
    table_files,
)
from vtagml.benchmark.board import Board
from vtagml.benchmark.driver import only_driver
from vtagml.commands.messages import say
from vtagml.commands.parse import Parse, config_of
from vtagml.report import terminal
from vtagml.run_folder import write_whole

INTERRUPTED = 130


def run_plan(
    file: Path,
    out: Path | None,
    only: Sequence[str],
    processes: int,
    dry_run: bool,
    table_only: bool,
    parse: Parse = config_of,
    command: Sequence[str] | None = None,
) -> None:
    """Runs what is missing of a plan, as `lightning benchmark` says.

    Args:
        file: The plan.
        out: Where its runs go, by default where it says.
        only: Names of rows or settings; none means all.
        processes: How many run at once.
        dry_run: Only prints the commands.
        table_only: Only writes the tables.
        parse: Checks the words of an experiment.
        command: What runs a cell's words, by default this environment's command line.
    """
    if processes < 1:
        raise ValueError(
            f"`--processes` must be 1 or more, found {processes}: it is how many runs are at work "
            "at once."
        )
    plan = read_plan(file)
    out = out or plan.out
    cells = all_cells(plan, out)
    chosen = chosen_cells(plan, cells, only)
    if table_only:
        _write_tables(plan, cells, out)
        return
    _check(chosen, parse)
    if dry_run:
        _say_commands(chosen)
        return
    status = 0
    with only_driver(out):
        try:
            status = _run(chosen, processes, command)
        except KeyboardInterrupt:
            status = INTERRUPTED
            say("Stopped; the same command goes on.")
        finally:
            _write_tables(plan, cells, out)
    if status:
        raise SystemExit(status)


def _check(cells: Sequence[Cell], parse: Parse) -> None:
    """Reads the words of each row that is left once, before hours go into the first."""
    rows = {
        cell.row.name: cell
        for cell in reversed(cells)
        if standing(cell).state not in (State.FINISHED, State.CHANGED)
    }
    for name, cell in reversed(rows.items()):
        # A source's checkpoint may still be to come.
        words = [word for word in cell.words()[1:] if not word.startswith("--ckpt_path=")]
        try:
            parse(words)
        except (ArgumentError, ValueError) as error:
            raise ValueError(
                f"Row `{name}` must be a command that can run, found in it: {error}"
            ) from error


def _run(cells: Sequence[Cell], processes: int, command: Sequence[str] | None) -> int:
    standings = {cell: standing(cell) for cell in cells}
    with Board(standings, processes) as board:
        fates = Driver(cells, board, processes, command).run()
    unfinished = [cell.name for cell, fate in fates.items() if fate is not Fate.FINISHED]
    if unfinished:
        say(f"{len(unfinished)} of {len(cells)} runs are not finished: {', '.join(unfinished)}.")
    return 1 if unfinished else 0


def _say_commands(cells: Sequence[Cell]) -> None:
    """Prints what would run, one command a line, so that a shell could run it."""
    for cell in cells:
        found = standing(cell)
        if found.state in (State.FINISHED, State.CHANGED):
            say(f"# {cell.name}: {found.state.value}")
            for why in found.why:
                say(f"#   {why}")
        else:
            say(shown(cell.words(found.state is State.BROKEN_OFF)))


def _write_tables(plan: Plan, cells: Sequence[Cell], out: Path) -> None:
    standings: Mapping[Cell, Standing] = {cell: standing(cell) for cell in cells}
    tables = setting_tables(plan, standings)
    for table in tables:
        get_console().print(terminal(table.sheet, table.setting.title))
    files = table_files(plan, tables)
    for name, content in files.items():
        write_whole(out / name, content)
    say(f"In `{out}`: {', '.join(files)}.")
