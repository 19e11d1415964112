"""Whatever somebody has for an image, as 8-bit RGB."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from datamodules.disk.photos import photo_problem, read_photo, upright_rgb

ImageLike: TypeAlias = str | Path | Image.Image | np.ndarray
"""A file, a picture of Pillow, or an array `[height, width]` or `[height, width, 1, 3 or 4]`."""


def pixels_of(image: ImageLike) -> UInt8[np.ndarray, "height width 3"]:
    """Returns an image upright as RGB, as a photo is read from a file.

    Grey becomes three equal channels, transparent becomes white, EXIF data turn it upright. Floats
    are rounded to 8 bits, so that an image has one prediction however it was given.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no whole image, is too large, or holds other numbers than an image's.
    """
    if isinstance(image, str | Path):
        if not Path(image).is_file():
            raise FileNotFoundError(f"`image` should be a file, found no file `{image}`.")
        return read_photo(Path(image))
    if not isinstance(image, Image.Image | np.ndarray):
        raise ValueError(
            "`image` should be a file, a picture of Pillow or a NumPy array, found "
            f"{type(image).__name__}."
        )
    picture = image if isinstance(image, Image.Image) else _of_array(image)
    if problem := photo_problem(picture):
        raise ValueError(
            f"`image` should have 8 or 16 bits per channel and not too many pixels, found "
            f"{problem}: make it smaller, or convert it to RGB first, as only you know its range."
        )
    try:
        return upright_rgb(picture)
    except OSError as error:  # opened, but not read yet
        raise ValueError(f"`image` should be a whole image, found {error}.") from error


def _of_array(array: np.ndarray) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))) or 0 in array.shape:
        raise ValueError(
            "`image` should be [height, width] or [height, width, channels] with 1, 3 (RGB) or 4 "
            f"(RGBA) channels, found an array of the shape {array.shape}: channels come last."
        )
    return Image.fromarray(np.ascontiguousarray(_in_8_bits(array)))


def _in_8_bits(array: np.ndarray) -> UInt8[np.ndarray, "..."]:
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"`image` should be an array of uint8, or of floats in [0, 1], found {array.dtype}: "
            "convert it, as only you know its range."
        )
    lowest, highest = float(array.min()), float(array.max())
    if not (lowest >= 0 and highest <= 1):  # also where one is NaN
        raise ValueError(
            f"`image` of floats should lie in [0, 1], found values from {lowest:g} to "
            f"{highest:g}: scale it, or give uint8."
        )
    return (array * 255).round().astype(np.uint8)
