"""Which version of its source a cell started from."""

from pathlib import Path
from typing import Any

from vtagml.benchmark.cells import Cell
from vtagml.callbacks.kept_files import to_json
from vtagml.checkpoints.whole_file import write_whole
from vtagml.report.record import look_up
from vtagml.run_files import read_json
from vtagml.run_folder import METRICS


def record(cell: Cell) -> Path:
    """Where the version is kept: beside the folder, which the run itself may set aside."""
    return cell.folder.with_name(f"{cell.seed}.source.json")


def keep_source_date(cell: Cell) -> None:
    """Keeps when a cell's source was finished; called when the cell begins."""
    if cell.source is not None:
        write_whole(record(cell), to_json({"finished": finished(cell.source)}))


def source_change(cell: Cell, ended: Any) -> str | None:
    """Says how the source is another than the one that a cell started from; None if it is not.

    Args:
        cell: With a source.
        ended: When the cell was finished, None where it is not. It decides where nothing was kept:
            a run that was started by hand.
    """
    if cell.source is None or (now := finished(cell.source)) is None:
        return None
    file, source = record(cell), f"its source `{cell.source.folder}` was finished"
    if file.is_file():
        then = look_up(read_json(file, {"finished": str}), "finished")
        if then is None or then == now:
            return None
        return f"{source} {then} when it began (`{file}`), now {now}"
    # Both are UTC, written alike, so that their order is that of their letters.
    return f"{source} later, {now}" if isinstance(ended, str) and now > ended else None


def finished(cell: Cell) -> str | None:
    """When a cell was finished, None if it is not or does not say."""
    file = cell.folder / METRICS
    content = read_json(file, {"provenance": {"date": str}}) if file.is_file() else None
    return look_up(content, "provenance.date")
