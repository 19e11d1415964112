"""Whether a run is at work in a folder."""

from pathlib import Path

from vtagml.run_folder import LOCK, run_lock


def is_busy(folder: Path) -> bool:
    """Whether a run is in a folder now, started by whomever."""
    if not (folder / LOCK).is_file():
        return False
    try:
        with run_lock(folder):
            return False
    except ValueError:
        return True
