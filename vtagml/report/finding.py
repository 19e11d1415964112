"""Run folders, found: those that are named, and those below a folder that is named."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vtagml.report.runs import Run, is_run, read_run
from vtagml.run_files import printable_name


def find_runs(paths: Sequence[Path]) -> tuple[list[Run], list[str]]:
    """Reads all runs that are named, or lie in a folder that is named.

    Args:
        paths: Run folders, or folders of run folders at any depth.

    Returns:
        The runs, each once, and why others that were not named themselves are left out.

    Raises:
        FileNotFoundError, ValueError: A run that was named cannot be used.
    """
    runs: dict[Path, Run] = {}
    left_out: dict[Path, str] = {}
    for path in paths:
        if is_run(path) or not path.is_dir():
            runs.setdefault(path.resolve(), read_run(path))
            continue
        before = len(runs) + len(left_out)
        for folder in _below(path):
            try:
                if replaced := _replacement(printable_name(folder)):
                    raise ValueError(f"`{folder}` was set aside when `{replaced}` was run again.")
                runs.setdefault(folder.resolve(), read_run(folder))
            except (OSError, ValueError) as error:
                left_out.setdefault(folder.resolve(), str(error))
        if before == len(runs) + len(left_out):
            read_run(path)  # says that it is none
    return list(runs.values()), [why for place, why in left_out.items() if place not in runs]


def _below(folder: Path) -> Iterator[Path]:
    """Goes through the folders below, each once: links can lead back to where they are.

    Yields:
        Runs, and folders that cannot be looked into.
    """
    seen: set[Path] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        if here != folder and is_run(here):
            yield here
            continue
        try:
            if (place := here.resolve()) not in seen:
                seen.add(place)
                waiting += sorted((each for each in here.iterdir() if each.is_dir()), reverse=True)
        except OSError:
            yield here


def _replacement(folder: Path) -> Path | None:
    """The later run of the same name, for a run that was set aside as `NAME.1`."""
    name, _, number = folder.name.rpartition(".")
    later = folder.with_name(name) if name and number.isdecimal() else None
    return later if later is not None and is_run(later) else None
