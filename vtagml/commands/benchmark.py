"""`benchmark`: a plan's runs, each as an ordinary command, and their tables."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from rich import get_console

from vtagml.benchmark import (
    Cell,
    CellQueue,
    Fate,
    Plan,
    Resolve,
    State,
    all_cells,
    chosen_cells,
    outcome_of,
    read_plan,
    setting_tables,
    table_files,
)
from vtagml.checkpoints.whole_file import write_whole
from vtagml.commands.mistakes import no_option
from vtagml.commands.parse import resolved
from vtagml.launching import Board, Estimate, Runner, as_typed, only_runner
from vtagml.report import terminal
from vtagml.report.record import look_up

INTERRUPTED = 130


def run_benchmark(words: Sequence[str], resolve: Resolve = resolved) -> None:
    """Runs `lightning benchmark`.

    Args:
        words: Those behind `benchmark`.
        resolve: Makes of the words of an experiment its config.
    """
    options = _options(words)
    plan = read_plan(options.plan)
    out = options.out or plan.out
    cells = all_cells(plan, out, resolve)
    chosen = chosen_cells(plan, cells, options.only)
    for cell in chosen:
        _ = cell.settings  # says what is wrong with a row before hours go into the first
    if options.table_only:
        _write_tables(plan, cells, out)
        return
    if options.dry_run:
        _say_commands(chosen)
        return
    status = 0
    with only_runner(out):
        try:
            status = _run(chosen, options.processes)
        except KeyboardInterrupt:
            status = INTERRUPTED
            _say("Stopped; the same command goes on.")
        finally:
            _write_tables(plan, cells, out)
    if status:
        raise SystemExit(status)


def _options(words: Sequence[str]) -> Namespace:
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", nargs="+", action="extend", default=[])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--table-only", action="store_true")
    # Python 3.11 ends the process over what is lacking; ours ends with a message.
    if not words or words[0].startswith("-"):
        raise ValueError(
            "`PLAN` must come first, found nothing: `lightning benchmark "
            "experiments/benchmarks/scenes_cpu.yaml`."
        )
    options, rest = parser.parse_known_args(words)
    if rest:
        raise no_option(rest[0], "benchmark", parser)
    if options.processes < 1:
        raise ValueError(
            f"`--processes` must be 1 or more, found {options.processes}: it is how many runs are "
            "at work at once."
        )
    return options


def _run(cells: Sequence[Cell], processes: int) -> int:
    board, estimate = Board(len(cells)), Estimate()
    for cell in cells:
        run = outcome_of(cell).run
        seconds = look_up(run.provenance, "training.seconds") if run else None
        # A test's own time is not recorded, only that of the training before it.
        if seconds and cell.tested is None:
            estimate.learn(cell.kinds, seconds)
    queue = CellQueue(cells, board)
    Runner(queue, board, estimate, processes).run()
    unfinished = [job.name for job, fate in queue.fates.items() if fate is not Fate.FINISHED]
    if unfinished:
        _say(f"{len(unfinished)} of {len(cells)} runs are not finished: {', '.join(unfinished)}.")
    return 1 if unfinished else 0


def _say_commands(cells: Sequence[Cell]) -> None:
    """Prints what would run, one command a line, so that a shell could run it."""
    for cell in cells:
        outcome = outcome_of(cell)
        if outcome.state in (State.FINISHED, State.CHANGED):
            _say(f"# {cell.name}: {outcome.state.value}")
            for change in outcome.changes:
                _say(f"#   {change}")
        else:
            _say(as_typed(cell.command(outcome.state is State.BROKEN_OFF)))


def _write_tables(plan: Plan, cells: Sequence[Cell], out: Path) -> None:
    tables = setting_tables(plan, {cell: outcome_of(cell) for cell in cells})
    for table in tables:
        get_console().print(terminal(table.sheet, table.setting.title))
    files = table_files(plan, tables)
    for name, content in files.items():
        write_whole(out / name, content)
    _say(f"In `{out}`: {', '.join(files)}.")


def _say(line: str) -> None:
    get_console().print(line, soft_wrap=True, markup=False, highlight=False)
