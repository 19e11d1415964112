"""What a file or folder is called while it is written, before it is moved to its place."""

import os
from pathlib import Path

ENDING = ".vtagml.partial"
"""Names this program, so that what a killed one left can be removed: nobody else's ends so."""


def partial_name(file: Path) -> Path:
    """Where a file is written before it is moved to its place."""
    return file.with_name(f".{file.name}.{os.getpid()}{ENDING}")
