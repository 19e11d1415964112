"""How far a cell is: what its folder and its log say, without touching either."""

import shlex
from dataclasses import dataclass
from enum import Enum

from vtagml.benchmark.cells import Cell
from vtagml.benchmark.resolved import differences, moved, settings_of
from vtagml.benchmark.source_date import source_change
from vtagml.launching import failure_of
from vtagml.report.record import read_config
from vtagml.report.runs import Run, read_run
from vtagml.run_folder import CONFIG, METRICS


class State(Enum):
    """What a call of the command has to do with a cell."""

    FINISHED = "finished"
    CHANGED = "made otherwise than the plan says"
    BROKEN_OFF = "broken off"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Outcome:
    """How far a cell is.

    Attributes:
        state: In a word.
        run: What it left, where it is finished.
        changes: In what it differs from the plan, where it does.
        failure: The end of its log, where its last attempt failed.
    """

    state: State
    run: Run | None = None
    changes: tuple[str, ...] = ()
    failure: str | None = None


def outcome_of(cell: Cell) -> Outcome:
    """Looks at a cell's folder, and at those of its sources."""
    run = None
    try:
        if (cell.folder / METRICS).is_file():
            run = read_run(cell.folder)
        elif not cell.is_begun:
            return Outcome(State.NOT_RUN, failure=failure_of(cell))
        changes = (*_changes(cell, run), *_source_changes(cell, run))
    except (OSError, ValueError) as error:
        changes = (str(error),)
    if changes:
        return Outcome(State.CHANGED, run, changes)
    if run is not None:
        return Outcome(State.FINISHED, run)
    return Outcome(State.BROKEN_OFF, failure=failure_of(cell))


def _changes(cell: Cell, run: Run | None) -> list[str]:
    """In what a run differs from its cell."""
    planned = cell.settings
    command = shlex.split(str(run.provenance.get("command"))) if run else []
    if run is not None and command[1:2] != [cell.row.command]:
        return [f"command: {' '.join(command[1:2])} in the run, {cell.row.command} in the plan"]
    if run is not None and cell.tested is not None:  # it keeps no config, only its command
        tested = {"checkpoint": str(run.provenance.get("checkpoint"))}
        ran = {**settings_of(cell.resolve(tuple(command[2:]))), **tested}
        return differences(moved(ran, cell.out), {**planned, "checkpoint": str(cell.tested)})
    config = read_config(cell.folder)
    if config is None:
        return [f"there is no `{cell.folder / CONFIG}`"]
    if not differences(moved(settings_of(config), cell.out), planned):
        return []
    # A version that knew fewer options has not kept them: as this one reads what it has kept.
    read_now = cell.resolve(("--config", str(cell.folder / CONFIG)))
    return differences(moved(settings_of(read_now), cell.out), planned)


def _source_changes(cell: Cell, run: Run | None) -> list[str]:
    """What a cell's source has in it that makes the cell another than the plan's."""
    if cell.source is None:
        return []
    source = outcome_of(cell.source)
    if source.state is State.CHANGED:
        folder = cell.source.folder
        return [f"its source `{folder}` was made otherwise: {change}" for change in source.changes]
    change = source_change(cell, run.provenance.get("date") if run else None)
    return [] if change is None else [change]
