"""What is in a folder, by the names of the files alone."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

FEW = 10
# Beside hidden ones: what Macs, network disks and Windows keep thumbnails and deleted files in.
OF_SYSTEMS = frozenset({"__MACOSX", "@eaDir", "@Recycle", "#recycle", "$RECYCLE.BIN"})


def is_foreign(name: str) -> bool:
    """Whether a file or folder of this name is hidden or a system's, and no part of a dataset."""
    return name.startswith(".") or name in OF_SYSTEMS


def matches(folder: Path, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """The names of files that fit a pattern as a whole; none if there is no such folder.

    Files of systems are left out; a suffix in capitals fits as if it were in small letters.
    """
    if not folder.is_dir():
        return []
    # Names alone: asking for the state of millions of files would take minutes.
    with os.scandir(folder) as entries:
        names = (entry.name for entry in entries if not is_foreign(entry.name))
        found = (pattern.fullmatch(name) or pattern.fullmatch(_small(name)) for name in names)
        return [match for match in found if match]


def walk(top: Path) -> Iterator[tuple[str, list[str]]]:
    """A folder and all folders in it, each with the names of its files, but for those of systems.

    Links to folders are followed, unless they lead back to a folder that they are in.
    """
    above = {str(top): frozenset([os.path.realpath(top)])}
    for here, folders, names in os.walk(top, followlinks=True):
        ours = (each for each in folders if not is_foreign(each))
        # No Path for each of millions.
        there = {each: os.path.join(here, each) for each in ours}  # noqa: PTH118
        around = above.pop(here)
        real = {each: os.path.realpath(path) for each, path in there.items()}
        folders[:] = [each for each in there if real[each] not in around]
        above |= {there[each]: around | {real[each]} for each in folders}
        yield here, [name for name in names if not is_foreign(name)]


def some_of(names: Sequence[object]) -> str:
    """The first of many names in a sentence, and how many more there are."""
    listed = ", ".join(f"`{name}`" for name in names[:FEW])
    return listed if len(names) <= FEW else f"{listed} and {len(names) - FEW} more"


def _small(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}{dot}{suffix.lower()}"
