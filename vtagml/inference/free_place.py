"""Files of others are not written over."""

from collections.abc import Callable
from pathlib import Path


def check_free(file: Path, command: str, made: Callable[[Path], bool]) -> None:
    """Raises an error where something else would be written over.

    Args:
        file: Where a file shall be.
        command: Whose files may be replaced, as it is typed.
        made: Whether it made a file that is there.
    """
    if file.exists() and not made(file):
        raise ValueError(
            f"`--out` must be free, or a file of `lightning {command}`, found `{file}` with "
            "something else in it: give another place, or remove it."
        )
