"""Numbers and settings as JSON holds them."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any


def to_json(value: Any) -> bytes:
    """Returns a value as JSON, with null for what is not a finite number."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    # Names of files may hold bytes that are no text: JSON has a way to write those down.
    return (text + "\n").encode(errors="backslashreplace")


def plain(value: Any) -> Any:
    """Turns tensors, paths and other objects into what JSON knows."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # a tensor, for which nobody has to import torch here
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    return str(value)
