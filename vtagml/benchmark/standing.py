"""How far a cell is: what its folder and its log say, without touching either."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from vtagml.benchmark.cells import Cell
from vtagml.benchmark.sameness import differences
from vtagml.benchmark.source_date import source_change
from vtagml.report.record import read_config
from vtagml.report.runs import Run, read_run
from vtagml.run_folder import CHECKPOINTS, METRICS

ENDED = re.compile(r"\[ended with status (-?\d+) after \d+ s\]")
BEGINNING = "$ "
TAIL = 15


class State(Enum):
    """What a call of the driver has to do with a cell."""

    FINISHED = "finished"
    CHANGED = "made otherwise than the plan says"
    BROKEN_OFF = "broken off"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Standing:
    """How far a cell is.

    Attributes:
        state: In a word.
        run: What it left, where it is finished.
        why: In what it differs from the plan, where it does.
        failure: The end of its log, where its last attempt failed.
    """

    state: State
    run: Run | None = None
    why: tuple[str, ...] = ()
    failure: str | None = None


def standing(cell: Cell) -> Standing:
    """Looks at a cell's folder, and at those of its sources."""
    try:
        if (cell.folder / METRICS).is_file():
            return _finished(cell)
        if not any((cell.folder / CHECKPOINTS).glob("*.ckpt")):
            return Standing(State.NOT_RUN, failure=failure(cell))
        said = differences(cell, None, read_config(cell.folder) or {})
        said += _of_source(cell, None)
    except (OSError, ValueError) as error:
        return Standing(State.CHANGED, why=(str(error),))
    if said:
        return Standing(State.CHANGED, why=tuple(said))
    return Standing(State.BROKEN_OFF, failure=failure(cell))


def _finished(cell: Cell) -> Standing:
    run = read_run(cell.folder)
    own = read_config(cell.folder)  # not that of the run whose checkpoint it tested
    said = differences(cell, str(run.provenance.get("command")), own)
    said += _of_source(cell, run.provenance.get("date"))
    return Standing(State.CHANGED if said else State.FINISHED, run, tuple(said))


def _of_source(cell: Cell, ended: Any) -> list[str]:
    """What a cell's source has in it that makes the cell another than the plan's."""
    if cell.source is None:
        return []
    source = standing(cell.source)
    if source.state is State.CHANGED:
        folder = cell.source.folder
        return [f"its source `{folder}` was made otherwise: {each}" for each in source.why]
    change = source_change(cell, ended)
    return [] if change is None else [change]


def failure(cell: Cell) -> str | None:
    """The end of the log of a cell whose last attempt failed, None of any other."""
    if not cell.log.is_file():
        return None
    lines = cell.log.read_text(encoding="utf-8", errors="replace").splitlines()
    ended = ENDED.fullmatch(lines[-1]) if lines else None
    if ended is None or int(ended[1]) == 0:
        return None
    begins = [number for number, line in enumerate(lines) if line.startswith(BEGINNING)]
    return "\n".join(lines[begins[-1] + 1 if begins else 0 :][-TAIL:])
