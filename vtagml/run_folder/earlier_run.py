"""An earlier run of the same name makes room for a new one, and comes back if that never starts."""

import os
import sys
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from vtagml.run_folder.folder import MARK, RunFolder


def set_aside(folder: RunFolder) -> Path | None:
    """Moves an earlier run, if there is one, so that a folder never mixes two runs.

    What it wrote goes beside the folder, into `NAME.1`; into the folder itself where that cannot
    be: of a disk of its own, such as a container's volume, the folder beside is on another. The
    folder, and what is the user's in it, stays.

    Returns:
        Where it is now.
    """
    if not folder.written:
        return None
    place = folder.path.resolve()  # of a link, where it leads to
    problem: OSError | None = None
    for target in (_free(place.parent, place.name), _free(place, "earlier")):
        try:
            _move_to_new(folder, target)
        except OSError as error:
            problem = error
            continue
        sys.stderr.write(f"The earlier run in {folder.path} is now in {target}.\n")
        return target
    raise ValueError(
        f"The earlier run in `{folder.path}` must make room for a new one, and cannot be moved "
        f"({problem}): nothing was changed. Go on with it (`--ckpt_path last`), or give another "
        "folder with `--trainer.default_root_dir`."
    )


def put_back(earlier: Path, folder: RunFolder) -> None:
    """Moves the earlier run back to where it was, of which nothing else must have its names."""
    _move([*RunFolder(earlier).written, MARK], earlier, folder.path)
    _remove_empty(earlier)
    sys.stderr.write(f"The run failed before its first step: {earlier} is {folder.path} again.\n")


def _free(parent: Path, name: str) -> Path:
    candidates = (parent / f"{name}.{number}" for number in count(1))
    return next(candidate for candidate in candidates if not os.path.lexists(candidate))


def _move_to_new(folder: RunFolder, target: Path) -> None:
    target.mkdir()
    try:
        # The mark last: after a kill in between, what is left in the folder is still a run's.
        _move([*folder.written, MARK], folder.path, target)
    except BaseException:
        _remove_empty(target)
        raise


def _move(names: Iterable[str], source: Path, target: Path) -> None:
    """Moves all of it or nothing."""
    moved: list[str] = []
    try:
        for name in names:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).rename(target / name)
            moved.append(name)
    except BaseException:
        for name in reversed(moved):
            (target / name).rename(source / name)
        raise


def _remove_empty(folder: Path) -> None:
    for place in sorted(folder.rglob("*"), reverse=True):
        if place.is_dir() and not place.is_symlink() and not any(place.iterdir()):
            place.rmdir()
    if not any(folder.iterdir()):
        folder.rmdir()
