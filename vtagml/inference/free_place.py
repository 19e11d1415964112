"""Files of others are not written over."""

from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open


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


def metadata_of(file: Path) -> Mapping[str, str]:
    """Returns what a file of safetensors says of itself; nothing of any other."""
    try:
        with safe_open(file, "pt") as opened:
            return opened.metadata() or {}
    except (SafetensorError, OSError):
        return {}
