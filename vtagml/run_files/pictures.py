"""Pictures and arrays of bytes, whose headers are believed only as far as the file goes."""

import math
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt
from PIL import Image

from vtagml.run_files.bounded import MEGABYTE, read_as, read_bytes

MOST_PIXELS = 1 << 26
MOST_UNPACKED = 256 * MEGABYTE
MOST_PACKED = 64 * MEGABYTE


def read_picture(file: Path) -> Image.Image:
    """Reads a PNG, whole."""
    content = read_bytes(file, MOST_PACKED)
    with read_as(file, "a PNG"), Image.open(BytesIO(content), formats=("PNG",)) as picture:
        if math.prod(picture.size) > MOST_PIXELS:
            width, height = picture.size
            raise ValueError(f"{width} × {height} pixels are more than {MOST_PIXELS}")
        picture.load()
        return picture.copy()


def read_arrays(file: Path) -> dict[str, npt.NDArray[Any]]:
    """Reads the arrays of an `.npz`, by name; none of them holds objects."""
    content = read_bytes(file, MOST_PACKED)
    with read_as(file, "arrays"), ZipFile(BytesIO(content)) as archive:
        # No member unpacks to more than its entry says.
        if sum(member.file_size for member in archive.infolist()) > MOST_UNPACKED:
            raise ValueError(f"it unpacks to more than {MOST_UNPACKED // MEGABYTE} MB")
    with read_as(file, "arrays"), np.load(BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)
