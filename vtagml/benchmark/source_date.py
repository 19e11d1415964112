"""Which version of its source a cell started from."""

import json
from pathlib import Path
from typing import Any

from vtagml.benchmark.cells import Cell
from vtagml.report.record import look_up
from vtagml.run_folder import METRICS, to_json, write_whole

DATE = "provenance.date"


def record(cell: Cell) -> Path:
    """Where the version is kept: beside the folder, which the run itself may set aside."""
    return cell.folder.with_name(f"{cell.seed}.source.json")


def keep_source_date(cell: Cell) -> None:
    """Keeps when a cell's source was finished; called when the cell begins."""
    if cell.source is not None:
        content = {"source": str(cell.source.folder), "finished": finished(cell.source.folder)}
        write_whole(record(cell), to_json(content))


def source_change(cell: Cell, ended: Any) -> str | None:
    """Says how the source is another than the one that a cell started from; None if it is not.

    Args:
        cell: With a source.
        ended: When the cell was finished, None where it is not. It decides where nothing was kept:
            a run that was started by hand.
    """
    if cell.source is None or (now := finished(cell.source.folder)) is None:
        return None
    folder, file = cell.source.folder, record(cell)
    if file.is_file():
        then = look_up(_content(file), "finished")
        if then is None or then == now:
            return None
        return f"its source `{folder}` was finished {then} when it began (`{file}`), now {now}"
    # Both are UTC, written alike, so that their order is that of their letters.
    if isinstance(ended, str) and now > ended:
        return f"its source `{folder}` was finished later, {now}"
    return None


def finished(folder: Path) -> str | None:
    """When a run was finished, None if it is not or does not say."""
    file = folder / METRICS
    date = look_up(_content(file), DATE) if file.is_file() else None
    return date if isinstance(date, str) else None


def _content(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"`{file}` is damaged and cannot be read as JSON ({error}).") from None
