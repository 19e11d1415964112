"""Pictures, whose headers are believed only as far as the file goes."""

import math
from io import BytesIO
from pathlib import Path

from PIL import Image

from vtagml.run_files.bounded import MEGABYTE, read_as, read_bytes

MOST_PIXELS = 1 << 26
MOST = 64 * MEGABYTE


def read_picture(file: Path) -> Image.Image:
    """Reads a PNG, whole."""
    content = read_bytes(file, MOST)
    with read_as(file, "a PNG"), Image.open(BytesIO(content), formats=("PNG",)) as picture:
        if math.prod(picture.size) > MOST_PIXELS:
            width, height = picture.size
            raise ValueError(f"{width} × {height} pixels are more than {MOST_PIXELS}")
        picture.load()
        return picture.copy()
