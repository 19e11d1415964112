"""What is in a folder, by the names of the files alone."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

FEW = 10


def matches(folder: Path, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """The names of files that fit a pattern as a whole; none if there is no such folder."""
    if not folder.is_dir():
        return []
    # Names alone: asking for the state of millions of files would take minutes.
    with os.scandir(folder) as entries:
        found = (pattern.fullmatch(entry.name) for entry in entries)
        return [match for match in found if match]


def some_of(names: Sequence[object]) -> str:
    """The first of many names in a sentence, and how many more there are."""
    listed = ", ".join(f"`{name}`" for name in names[:FEW])
    return listed if len(names) <= FEW else f"{listed} and {len(names) - FEW} more"
