"""Run folders, found: those that are named, and those below a folder that is named."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vtagml.report.runs import Run, is_run, read_run
from vtagml.run_files import printable_name


@dataclass(frozen=True)
class Seen:
    """A run folder that was named or found.

    Attributes:
        folder: Where it is.
        run: What was read of it; None where it has no results that can be read.
        error: Why it has none.
    """

    folder: Path
    run: Run | None
    error: OSError | ValueError | None = None


def find_runs(paths: Sequence[Path]) -> tuple[list[Run], list[str]]:
    """Reads all runs that are named, or lie in a folder that is named.

    Args:
        paths: Run folders, or folders of run folders at any depth.

    Returns:
        The runs, each once, and why others that were not named themselves are left out.

    Raises:
        FileNotFoundError, ValueError: A run that was named cannot be used.
    """
    seen, left_out = look(paths)
    for folder in seen:
        if folder.error is not None:
            raise folder.error
    return [folder.run for folder in seen if folder.run is not None], left_out


def look(paths: Sequence[Path]) -> tuple[list[Seen], list[str]]:
    """The same with the unfinished runs that are named themselves.

    Raises:
        FileNotFoundError, ValueError: A path holds no run.
    """
    seen: dict[Path, Seen] = {}
    left_out: dict[Path, str] = {}
    for path in paths:
        if is_run(printable_name(path)):
            seen.setdefault(path.resolve(), _seen(path, named=True))
            continue
        below = [_seen(folder, named=False) for folder in _below(path)] if path.is_dir() else []
        if not below:
            read_run(path)  # says that it is none
        for folder in below:
            if folder.error is None:
                seen.setdefault(folder.folder.resolve(), folder)
            else:
                left_out.setdefault(folder.folder.resolve(), str(folder.error))
    return list(seen.values()), [why for place, why in left_out.items() if place not in seen]


def _seen(folder: Path, named: bool) -> Seen:
    """Reads a run; one that was set aside is left out, unless it is named itself."""
    try:
        if not named and (replaced := _replacement(printable_name(folder))):
            raise ValueError(f"`{folder}` was set aside when `{replaced}` was run again.")
        return Seen(folder, read_run(folder))
    except (OSError, ValueError) as error:
        return Seen(folder, None, error)


def _below(folder: Path) -> Iterator[Path]:
    """Goes through the folders below, each once: links can lead back to where they are.

    Yields:
        Runs, and folders that cannot be looked into.
    """
    visited: set[Path] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        if here != folder and is_run(here):
            yield here
            continue
        try:
            if (place := here.resolve()) not in visited:
                visited.add(place)
                waiting += sorted((file for file in here.iterdir() if file.is_dir()), reverse=True)
        except OSError:
            yield here


def _replacement(folder: Path) -> Path | None:
    """The later run of the same name, for a run that was set aside as `NAME.1`."""
    name, _, number = folder.name.rpartition(".")
    later = folder.with_name(name) if name and number.isdecimal() else None
    return later if later is not None and is_run(later) else None
