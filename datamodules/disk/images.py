"""Image files, read and written to the bit: the one place that decodes them.

Every reader looks at the file's own header first and refuses what it does not expect. The common
libraries do not: OpenCV turns palettes into colours, Pillow reads 16-bit RGB as 8-bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, NoReturn

import cv2
import numpy as np
from jaxtyping import Integer, UInt8, UInt16
from PIL import Image

from datamodules.disk.spelling import read_bytes
from datamodules.disk.standard_error import complaints
from datamodules.disk.unfinished import write_whole

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_MODES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGB and alpha"}
PNG_LAST_CHUNK = b"IEND"

JPEG_START = b"\xff\xd8"
JPEG_END = b"\xff\xd9"
JPEG_MODES = {1: "grey", 3: "RGB", 4: "CMYK"}
# Start of frame, in every coding; C4, C8 and CC in this range mean something else.
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_SCAN = 0xDA
# What libjpeg says of a scan that it fills up or guesses; OpenCV does not hand it on.
JPEG_DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG", "Inconsistent progression")

# A header that asks for more is damaged or hostile; decoding it would take gigabytes.
LARGEST = 2**27

UNPACK = "Unpack or download it again"
"""What to do about a file of a published dataset that is not as it should be."""

_refuses_damage: ContextVar[bool] = ContextVar("refuses_damage", default=False)


@contextmanager
def damage_refused() -> Iterator[None]:
    """Refuse JPEGs that libjpeg finds damaged inside their scan, within this context.

    Outside of it they are decoded with what libjpeg makes of them, without a word: it only says
    so on the standard error, which belongs to the whole process and is no place to look at in
    training. JPEG has no checksums, so damage that gives another valid scan is found nowhere. Of
    200 street images each, found were 51 with one bit flipped, 141 with 64 bytes set to 0, 177
    with 512, 194 with 4096, and all with 512 random bytes; simplejpeg's strict mode finds the same.
    """
    token = _refuses_damage.set(True)
    try:
        yield
    finally:
        _refuses_damage.reset(token)


class UnreadableFileError(ValueError):
    """A file is damaged, or is not of the kind that its place in the dataset asks for."""


def unreadable(
    file: Path, expected: str, found: object, remedy: str = UNPACK
) -> UnreadableFileError:
    """The error for a file whose content is not what it has to be.

    Args:
        file: The file.
        expected: What it should do: "hold …", "be …".
        found: What it does instead.
        remedy: What to do beside leaving the sample out.
    """
    return UnreadableFileError(
        f"`{file}` should {expected}, found {found}. {remedy}, or put the sample on a skip list."
    )


class Header(NamedTuple):
    """What a file says of itself before it is decoded."""

    kind: str
    mode: str
    bits: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height} pixels of {self.bits}-bit {self.mode} ({self.kind})"


def read_rgb(file: Path, remedy: str = UNPACK) -> UInt8[np.ndarray, "height width 3"]:
    """Read a colour image from an 8-bit RGB PNG or a JPEG.

    Args:
        file: The image.
        remedy: What to do if it is not of that kind, for the error; here and below.
    """
    return cv2.cvtColor(_read(file, "RGB", 8, remedy), cv2.COLOR_BGR2RGB)


def read_photo8(file: Path, remedy: str = UNPACK) -> UInt8[np.ndarray, "height width 3"]:
    """Read an 8-bit PNG or JPEG as colours; one that is grey has three equal channels."""
    data = _bytes(file, "8-bit RGB or grey", remedy)
    if (header := _header(data)) and header.mode == "grey":
        return cv2.cvtColor(_pixels(file, data, "grey", 8, remedy), cv2.COLOR_GRAY2RGB)
    return cv2.cvtColor(_pixels(file, data, "RGB", 8, remedy), cv2.COLOR_BGR2RGB)


def read_grey8(file: Path, remedy: str = UNPACK) -> UInt8[np.ndarray, "height width"]:
    """Read an 8-bit grey PNG, e.g. of class ids."""
    return _read(file, "grey", 8, remedy)


def read_grey16(file: Path, remedy: str = UNPACK) -> UInt16[np.ndarray, "height width"]:
    """Read a 16-bit grey PNG, e.g. of depth or disparity."""
    return _read(file, "grey", 16, remedy)


def read_rgb16(file: Path) -> UInt16[np.ndarray, "height width 3"]:
    """Read a 16-bit RGB PNG, channels in the order red, green, blue."""
    return cv2.cvtColor(_read(file, "RGB", 16), cv2.COLOR_BGR2RGB)


def read_grey(file: Path, remedy: str = UNPACK) -> Integer[np.ndarray, "height width"]:
    """Read a grey PNG of 8 or 16 bits, whichever it has."""
    return _read(file, "grey", None, remedy)


def read_ids(file: Path, remedy: str = UNPACK) -> Integer[np.ndarray, "height width"]:
    """Read class ids from a grey PNG of 8 or 16 bits, or the numbers in one with a palette."""
    data = _bytes(file, "8- or 16-bit grey", remedy)
    mode = header.mode if (header := _header(data)) else ""
    if mode == "palette":
        return _palette_numbers(file, data)
    if mode.startswith("RGB"):
        expected = "hold class ids, in a grey PNG or one with a palette"
        write = "Write each pixel's id instead of its class's colour"
        raise unreadable(file, expected, "colours", write)
    return _pixels(file, data, "grey", None, remedy)


def write_png(file: Path, array: np.ndarray) -> None:
    """Write a grey or RGB image of 8 or 16 bits, whole or not at all; makes missing folders.

    Args:
        file: Where to.
        array: uint8 or uint16, `[height, width]` or `[height, width, 3]` in RGB order.

    Raises:
        ValueError: The array is of another type or shape.
    """
    grey = array.ndim == 2
    if array.dtype not in (np.uint8, np.uint16) or not (grey or array.shape[2:] == (3,)):
        raise ValueError(
            "`array` should be uint8 or uint16, [height, width] or [height, width, 3],"
            f" found {array.dtype} {array.shape} for `{file}`."
        )
    encoded = cv2.imencode(".png", array if grey else cv2.cvtColor(array, cv2.COLOR_RGB2BGR))[1]
    write_whole(file, encoded.tobytes())


def _read(file: Path, mode: str, bits: int | None, remedy: str = UNPACK) -> np.ndarray:
    data = _bytes(file, f"{bits or '8- or 16'}-bit {mode}", remedy)
    return _pixels(file, data, mode, bits, remedy)


def _pixels(file: Path, data: bytes, mode: str, bits: int | None, remedy: str) -> np.ndarray:
    expected = f"{bits or '8- or 16'}-bit {mode}"
    header = _header(data)
    if header is None:
        _fail(file, expected, f"{len(data)} bytes that are no PNG or JPEG", remedy)
    if header.mode != mode or header.bits not in ((bits,) if bits else (8, 16)):
        _fail(file, expected, str(header), remedy)
    if not 0 < header.width * header.height <= LARGEST:
        _fail(file, f"{expected} of at most {LARGEST} pixels", str(header), remedy)
    strict = header.kind == "JPEG" and _refuses_damage.get()
    watch = complaints(JPEG_DAMAGE) if strict else nullcontext(list[str]())
    with watch as damage:
        image = _decoded(data) if _is_complete(data, header) else None
    if image is None:
        _fail(file, expected, f"{header}, truncated or corrupt after the header", remedy)
    if damage:
        _fail(file, expected, f"{header}, damaged inside: {damage[0]}", remedy)
    shape = (header.height, header.width) + ((3,) if mode == "RGB" else ())
    if image.shape != shape:  # a transparent colour in an RGB file decodes to four channels
        _fail(file, expected, f"{header} that decodes to the shape {image.shape}", remedy)
    return image


def _bytes(file: Path, expected: str, remedy: str) -> bytes:
    try:
        return read_bytes(file)
    except FileNotFoundError:
        leads = f" where it leads, to `{file.readlink()}`" if file.is_symlink() else ""
        raise FileNotFoundError(
            f"`{file}` does not exist{leads}; expected an image of {expected}."
            f" {remedy}, or put the sample on a skip list."
        ) from None
    except IsADirectoryError:
        _fail(file, expected, "a folder", remedy)
    except OSError as error:
        _fail(file, expected, f"a file that cannot be read ({error.strerror or error})", remedy)


def _header(data: bytes) -> Header | None:
    try:
        if data.startswith(PNG_SIGNATURE):
            return _png_header(data)
        if data.startswith(JPEG_START):
            return _jpeg_header(data)
    except (IndexError, KeyError):
        pass
    return None


def _png_header(data: bytes) -> Header:
    # Length (4 bytes) and name (4) of the first chunk, then its fields.
    fields = data[16:26]
    width, height = int.from_bytes(fields[:4], "big"), int.from_bytes(fields[4:8], "big")
    return Header("PNG", PNG_MODES[fields[9]], fields[8], width, height)


def _jpeg_header(data: bytes) -> Header | None:
    place = len(JPEG_START)
    while (marker := data[place + 1]) not in JPEG_FRAMES:
        if data[place] != 0xFF:
            return None
        # Markers may be preceded by any number of FF; otherwise a segment's length follows.
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        place += 1 if marker == 0xFF else 2 + length
    # Marker (2 bytes), length (2), then bits, height, width and number of channels.
    fields = data[place + 4 : place + 10]
    height, width = int.from_bytes(fields[1:3], "big"), int.from_bytes(fields[3:5], "big")
    return Header("JPEG", JPEG_MODES[fields[5]], fields[0], width, height)


def _is_complete(data: bytes, header: Header) -> bool:
    """Whether the file's end is there: OpenCV's older releases fill up what is missing."""
    if header.kind == "PNG":
        return data.rfind(PNG_LAST_CHUNK) >= 0
    # A thumbnail before the scan has an end of its own.
    return data.rfind(JPEG_END) > data.rfind(bytes([0xFF, JPEG_SCAN])) >= 0


def _decoded(data: bytes) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None


def _palette_numbers(file: Path, data: bytes) -> UInt8[np.ndarray, "height width"]:
    try:
        with Image.open(BytesIO(data), formats=("PNG",)) as image:
            image.verify()  # the checksums, which decoding leaves out
        with Image.open(BytesIO(data), formats=("PNG",)) as image:
            return np.array(image)
    except Exception as error:  # damaged files end in nearly any exception
        found = f"{type(error).__name__}: {error}"
        raise unreadable(file, "be a whole PNG", found, "Write it again") from None


def _fail(file: Path, expected: str, found: str, remedy: str) -> NoReturn:
    raise unreadable(file, f"be an image of {expected}", found, remedy)
