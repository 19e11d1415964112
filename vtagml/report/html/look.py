"""Which runs a page shows: finished ones, and unfinished ones that are named themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vtagml.report.finding import find_runs
from vtagml.report.runs import Run, is_run, read_run
from vtagml.run_files import printable_name


@dataclass(frozen=True)
class Seen:
    """A run folder to show.

    Attributes:
        folder: Where it is.
        run: What was read of it; None where it has no results that can be read.
        why: It has none; empty where it has.
    """

    folder: Path
    run: Run | None
    why: str = ""


def look(paths: Sequence[Path]) -> tuple[list[Seen], list[str]]:
    """Finds the runs of a page.

    Args:
        paths: Run folders, or folders of run folders at any depth.

    Returns:
        The runs, each once, and why others that were not named themselves are left out.

    Raises:
        FileNotFoundError, ValueError: A path holds no run.
    """
    seen: dict[Path, Seen] = {}
    left_out: dict[str, None] = {}
    for path in paths:
        if is_run(printable_name(path)):
            seen.setdefault(path.resolve(), _seen(path))
            continue
        runs, why = find_runs([path])
        for run in runs:
            seen.setdefault(run.folder.resolve(), Seen(run.folder, run))
        left_out |= dict.fromkeys(why)
    return list(seen.values()), list(left_out)


def _seen(folder: Path) -> Seen:
    try:
        return Seen(folder, read_run(folder))
    except (OSError, ValueError) as error:
        return Seen(folder, None, str(error))
