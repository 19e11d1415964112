"""Files that are there whole or not at all, whatever happens while they are written."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# The whole ending names this program: what others call `.film.mkv.partial` is not ours.
# `datamodules.disk.unfinished` has the same, for what it writes into a run's folder.
ENDING = ".vtagml.partial"
PARTIAL = re.compile(rf"\..+\.\d+{re.escape(ENDING)}", re.DOTALL)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for writing that takes the place of `path` when the block ends without error.

    The content goes to a file beside the target, since a rename is atomic only within one file
    system, and reaches the disk before the name does. A power cut after the block leaves the new
    file; a kill, a full disk or an error in the block leaves the old one. A kill leaves half a file
    beside it, which `remove_partial_files` finds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}{ENDING}")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file so that nobody ever sees half of it, whatever happens in between."""
    with whole_file(path) as file:
        file.write(content)


def remove_partial_files(paths: Iterable[Path]) -> None:
    """Removes, of some files, what processes left that were killed while they wrote."""
    for path in list(paths):
        if PARTIAL.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Makes the disk keep the names in a folder; Windows cannot, and does it by itself."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
