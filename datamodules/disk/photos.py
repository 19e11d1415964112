"""Photos as cameras, phones and the web have them.

Files of a dataset have one form, and another is an error (`datamodules.disk.images`). Photos have
any: they lie on their side and say so in their EXIF data, are grey, transparent or made for print.
"""

import warnings
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from datamodules.disk.images import LARGEST, UnreadableFileError

SUFFIXES = (".jpg", ".jpeg", ".png")
# What else Pillow reads with nothing beside it, and what it does not but people have.
OTHER_SUFFIXES = (
    *(".tif", ".tiff", ".webp", ".gif", ".bmp", ".avif", ".jp2", ".jfif", ".ppm", ".pgm"),
)
UNKNOWN_SUFFIXES = (
    *(".heic", ".heif", ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2"),
    *(".raw", ".psd", ".svg", ".exr", ".hdr"),
)
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "AVIF", "JPEG2000", "PPM")
# Pillow's words for 8 bits and less per channel, and for 16 bits of grey.
MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV")
WIDE_MODES = ("I;16", "I;16L", "I;16B")


def read_photo(file: Path) -> UInt8[np.ndarray, "height width 3"]:
    """Read a photo upright as RGB; what is transparent is white, of an animation the first frame.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableFileError: It is no whole picture of at most 16 bits per channel.
    """
    if file.exists() and not file.is_file():
        raise _unreadable(file, "no file but a pipe, a device or a folder")  # a pipe never ends
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images and odd EXIF data, which read all the same.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=FORMATS) as image:
                if problem := photo_problem(image):
                    raise _unreadable(file, problem)
                return upright_rgb(image)
    except (FileNotFoundError, UnreadableFileError):
        raise
    except Exception as error:  # damaged files end in nearly any exception
        raise _unreadable(file, f"{type(error).__name__}: {error}") from None


def photo_problem(image: Image.Image) -> str | None:
    """What makes a picture no photo, by its header alone; None if nothing does."""
    if not 0 < image.width * image.height <= LARGEST:
        return f"{image.width} x {image.height} pixels, not 1 to {LARGEST}"
    if image.mode not in (*MODES, *WIDE_MODES):
        return f"pixels of the kind {image.mode}, whose range nothing tells"
    return None


def upright_rgb(image: Image.Image) -> UInt8[np.ndarray, "height width 3"]:
    """The pixels of a picture, turned as its EXIF data say; what is transparent is white."""
    upright = ImageOps.exif_transpose(image)
    if upright.mode in WIDE_MODES:  # Pillow would cut off what is above 255
        wide = np.asarray(upright).astype(np.uint32)
        upright = Image.fromarray(((wide * 255 + 32767) // 65535).astype(np.uint8))
    if upright.has_transparency_data:
        colours = upright.convert("RGBA")
        canvas = Image.new("RGBA", colours.size, "white")
        canvas.alpha_composite(colours)
        upright = canvas
    return np.array(upright.convert("RGB"))


def _unreadable(file: Path, found: str) -> UnreadableFileError:
    return UnreadableFileError(
        f"`{file}` should be a whole picture, of at most 16 bits per channel, found {found}."
        " Save it again as JPEG or PNG, or move it out of the folder."
    )
