"""Files of MATLAB 5, of which a part is taken."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import scipy.io
from jaxtyping import Int64

from datamodules.disk.images import UNPACK, unreadable
from datamodules.disk.spelling import read_bytes

Taken = TypeVar("Taken")


def read_matlab(file: Path, expected: str, take: Callable[[Any], Taken]) -> Taken:
    """Read a file of MATLAB 5 and take something out of it.

    Args:
        file: The file.
        expected: What is in it, in words.
        take: Gets its variables by name. Arrays have two dimensions even where there is one entry,
            and structs are arrays of them, so that a list of one is a list.
    """
    try:
        return take(scipy.io.loadmat(BytesIO(read_bytes(file))))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"`{file}` does not exist; expected a MATLAB file with {expected}. {UNPACK}, or put the"
            " sample on a skip list."
        ) from None
    except Exception as error:  # damaged files end in nearly any exception
        found = f"{type(error).__name__}: {error}"
        raise unreadable(file, f"be a MATLAB file with {expected}", found) from error


def read_numbers(file: Path, name: str) -> Int64[np.ndarray, " numbers"]:
    """The whole numbers of one variable, in a row."""
    # A file may have them in 8 bits, where 0 - 1 is 255.
    return read_matlab(
        file, f"`{name}`, a row of numbers", lambda content: content[name].ravel().astype(np.int64)
    )
