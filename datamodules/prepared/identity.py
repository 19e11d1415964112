"""What a copy depends on: the settings of a reader, and the state of the files."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np


def described(value: Any, root: Path) -> Any:
    """Spell out a reader or one of its settings, the same in every process and on every machine.

    Args:
        value: A frozen dataclass, and what its fields hold.
        root: Folder of the dataset; files below it are described relative to it, so that a copy
            outlives a move of the dataset.

    Returns:
        What JSON can hold.
    """
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Path):
        return value.relative_to(root).as_posix() if value.is_relative_to(root) else str(value)
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        return [str(array.dtype), list(array.shape), _digest(array.tobytes())]
    if is_dataclass(value) and not isinstance(value, type):
        settings = {each.name: described(getattr(value, each.name), root) for each in fields(value)}
        return {"class": type(value).__qualname__} | settings
    if isinstance(value, Mapping):
        return {str(key): described(each, root) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [described(each, root) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted((described(each, root) for each in value), key=json.dumps)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    raise TypeError(
        f"A reader's settings should be frozen dataclasses, arrays, paths, and plain values, found"
        f" a {type(value).__name__}: two such readers cannot be told apart."
    )


def digest(description: Any) -> str:
    """Eight letters for a description."""
    return _digest(json.dumps(description, sort_keys=True).encode())[:8]


def state(files: Sequence[str], root: Path) -> int:
    """Sum up size and time of change of files, whose names are relative to `root`."""
    states: list[list[int | str]] = []
    for file in files:
        try:
            found = (root / file).stat()
            states.append([file, found.st_size, found.st_mtime_ns])
        except OSError:
            states.append([file, "missing"])
    return int(_digest(json.dumps(states).encode())[:15], 16)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
