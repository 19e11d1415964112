"""Photos of any size, in colour or grey, as small sets of classified images have them."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_photo(file: Path, size: tuple[int, int], grey: bool = False) -> None:
    """A JPEG that is like no other of another name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(file.name.encode()))
    pixels = rng.integers(0, 256, size if grey else (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, quality=90)
