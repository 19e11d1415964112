"""What a file or folder is called while it is written, before it is moved to its place."""

import os
from pathlib import Path

ENDING = ".vtagml.partial"
"""Names this program, so that what a killed one left can be removed: nobody else's ends so."""


def partial_name(file: Path) -> Path:
    """Where a file is written before it is moved to its place."""
    return file.with_name(f".{file.name}.{os.getpid()}{ENDING}")


def write_whole(file: Path, content: bytes) -> None:
    """Write beside the place and move there, so that a file that exists is complete."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_name(file)
    try:
        partial.write_bytes(content)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
