"""How far a cell is: what its folder and its log say, without touching either."""

import shlex
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from vtagml.benchmark.cells import Cell
from vtagml.benchmark.resolved import differences, moved, settings_of
from vtagml.launching import failure_of
from vtagml.report.record import look_up, read_config
from vtagml.report.runs import Run, read_run
from vtagml.run_files import read_json
from vtagml.run_folder import RunFolder, to_json, write_whole


class State(Enum):
    """How far a cell is, and what a call of the command makes of it."""

    FINISHED = "finished"
    CHANGED = "made otherwise than the plan says"
    BROKEN_OFF = "broken off"
    NOT_RUN = "not run"
    FAILED = "failed"
    BUSY = "at work in another process"
    WITHOUT_SOURCE = "lacks its source"


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
        if RunFolder(cell.folder).metrics.is_file():
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
    command = shlex.split(str(run.recorded("command"))) if run else []
    if run is not None and command[1:2] != [cell.row.command]:
        return [f"command: {' '.join(command[1:2])} in the run, {cell.row.command} in the plan"]
    if run is not None and cell.tested is not None:  # it keeps no config, only its command
        tested = {"checkpoint": str(run.recorded("checkpoint"))}
        ran = {**settings_of(cell.resolve(tuple(command[2:]))), **tested}
        return differences(moved(ran, cell.out), {**planned, "checkpoint": str(cell.tested)})
    config = read_config(cell.folder)
    if config is None:
        return [f"there is no `{RunFolder(cell.folder).config}`"]
    if not differences(moved(settings_of(config), cell.out), planned):
        return []
    # A version that knew fewer options has not kept them: as this one reads what it has kept.
    read_now = cell.resolve(("--config", str(RunFolder(cell.folder).config)))
    return differences(moved(settings_of(read_now), cell.out), planned)


def _source_changes(cell: Cell, run: Run | None) -> list[str]:
    """What a cell's source has in it that makes the cell another than the plan's."""
    if cell.source is None:
        return []
    folder, source = cell.source.folder, outcome_of(cell.source)
    if source.state is State.CHANGED:
        return [f"its source `{folder}` was made otherwise: {change}" for change in source.changes]
    now, kept = date_of(source.run), _source_date(cell)
    if now is None:
        return []
    if kept.is_file():
        then = look_up(read_json(kept, {"finished": str}), "finished")
        began = f"its source `{folder}` was finished {then} when it began (`{kept}`), now {now}"
        return [began] if then not in (None, now) else []
    # A run that was started by hand. Both are UTC, written alike: their order is of their letters.
    ended = date_of(run)
    late = ended is not None and now > ended
    return [f"its source `{folder}` was finished later, {now}"] if late else []


def keep_source_date(cell: Cell) -> None:
    """Keeps when a cell's source was finished; called when the cell begins."""
    if cell.source is not None:
        write_whole(_source_date(cell), to_json({"finished": date_of(outcome_of(cell.source).run)}))


def _source_date(cell: Cell) -> Path:
    # Beside the folder, which the run itself may set aside.
    return cell.folder.with_name(f"{cell.seed}.source.json")


def date_of(run: Run | None) -> str | None:
    """When a run was finished; None if it is not or does not say."""
    return run.recorded("date") if run else None
