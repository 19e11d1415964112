import io
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from datamodules.disk.images import (
    LARGEST,
    UnreadableFileError,
    read_grey8,
    read_grey16,
    read_rgb,
    read_rgb16,
    write_png,
)

SIZE = (16, 24)
BYTES = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
# Smooth, so that JPEG keeps it nearly.
SMOOTH = np.dstack([np.mgrid[0:16, 0:24][axis] * 9 for axis in (0, 1, 0)]).astype(np.uint8)


def encoded(kind: str, mode: str = "RGB", **settings) -> bytes:
    """An image that Pillow has written."""
    buffer = io.BytesIO()
    Image.fromarray(SMOOTH if kind == "JPEG" else BYTES).convert(mode).save(
        buffer, kind, **settings
    )
    return buffer.getvalue()


def grey16(values: np.ndarray) -> bytes:
    return cv2.imencode(".png", values.astype(np.uint16))[1].tobytes()


def rgb16(red: int, green: int, blue: int) -> bytes:
    """OpenCV takes the channels in the order blue, green, red."""
    pixels = np.tile(np.uint16([blue, green, red]), (*SIZE, 1))
    return cv2.imencode(".png", pixels)[1].tobytes()


def png_header(width: int, height: int, bits: int, colour: int) -> bytes:
    """A PNG that ends after its header and an end mark."""
    fields = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([bits, colour, 0, 0, 0])
    chunks = b""
    for name, content in ((b"IHDR", fields), (b"IDAT", zlib.compress(b"\0" * 8)), (b"IEND", b"")):
        check = zlib.crc32(name + content).to_bytes(4, "big")
        chunks += len(content).to_bytes(4, "big") + name + content + check
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.fixture
def place(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        file = tmp_path / "sample.png"
        file.write_bytes(data)
        return file

    return write


def test_colours_come_in_the_order_red_green_blue(place) -> None:
    np.testing.assert_array_equal(read_rgb(place(encoded("PNG"))), BYTES)
    # Smooth at quality 95: a few grey values of difference.
    jpeg = read_rgb(place(encoded("JPEG", quality=95))).astype(int)
    assert np.abs(jpeg - SMOOTH).mean() < 4


@pytest.mark.parametrize(
    "settings", [{"progressive": True}, {"exif": b"Exif\0\0" + b"\xff\xd9" * 4}]
)
def test_jpegs_of_every_coding(place, settings: dict) -> None:
    data = encoded("JPEG", quality=95, **settings)
    assert np.abs(read_rgb(place(data)).astype(int) - SMOOTH).mean() < 4
    # Here the end mark within the metadata must not pass for the image's.
    with pytest.raises(UnreadableFileError, match="truncated or corrupt"):
        read_rgb(place(data[:-20]))


def test_class_ids_stay_what_they_are(place) -> None:
    ids = BYTES[..., 0]
    buffer = io.BytesIO()
    Image.fromarray(ids).save(buffer, "PNG")
    np.testing.assert_array_equal(read_grey8(place(buffer.getvalue())), ids)


def test_sixteen_bits_survive(place) -> None:
    values = np.zeros(SIZE)
    values[0, :5] = [0, 1, 255, 256, 65535]
    read = read_grey16(place(grey16(values)))
    assert read.dtype == np.uint16
    assert read[0, :5].tolist() == [0, 1, 255, 256, 65535]


def test_sixteen_bits_of_each_colour_survive(place) -> None:
    read = read_rgb16(place(rgb16(13, 976, 65535)))
    assert read.dtype == np.uint16
    # Pillow would give 13 >> 8 = 0 and 976 >> 8 = 3.
    assert read[3, 4].tolist() == [13, 976, 65535]


@pytest.mark.parametrize(
    ("read", "data", "found"),
    [
        (read_rgb, encoded("PNG", "L"), "24 x 16 pixels of 8-bit grey .PNG"),
        (read_rgb, encoded("PNG", "RGBA"), "8-bit RGB and alpha"),
        (read_rgb, encoded("PNG", "P"), "8-bit palette"),
        (read_rgb, encoded("PNG", transparency=(1, 2, 3)), r"decodes to the shape \(16, 24, 4\)"),
        (read_rgb, encoded("JPEG", "L"), "8-bit grey .JPEG"),
        (read_rgb, encoded("JPEG", "CMYK"), "8-bit CMYK .JPEG"),
        (read_rgb, rgb16(1, 2, 3), "16-bit RGB"),
        (read_rgb, encoded("BMP"), "bytes that are no PNG or JPEG"),
        (read_grey8, encoded("PNG", "P"), "8-bit palette"),
        (read_grey8, encoded("PNG", "1"), "1-bit grey"),
        (read_grey8, encoded("PNG", "LA"), "8-bit grey and alpha"),
        (read_grey8, encoded("PNG"), "8-bit RGB"),
        (read_grey8, grey16(np.ones(SIZE)), "16-bit grey"),
        (read_grey16, encoded("PNG", "L"), "8-bit grey"),
        (read_grey16, rgb16(1, 2, 3), "16-bit RGB"),
        (read_rgb16, encoded("PNG"), "8-bit RGB"),
        (read_rgb16, grey16(np.ones(SIZE)), "16-bit grey"),
    ],
)
def test_other_kinds_are_refused_by_what_they_are(place, read, data: bytes, found: str) -> None:
    file = place(data)
    with pytest.raises(
        UnreadableFileError, match=f"(?s)sample.png` should be.*found .*{found}"
    ) as error:
        read(file)
    assert f"`{file}`" in str(error.value)


PNG, JPEG = encoded("PNG"), encoded("JPEG")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>404</html>",
        b"\0" * 2000,
        PNG[:7],
        PNG[:20],
        PNG[: len(PNG) // 2],
        PNG[:-12],  # all pixels, but no end
        PNG[: len(PNG) // 2] + b"\0" * (len(PNG) - len(PNG) // 2),
        PNG[:-40] + bytes([PNG[-40] ^ 1]) + PNG[-39:],
        png_header(24, 16, 8, 2),
        png_header(24, 16, 8, 5),
        png_header(0, 16, 8, 2),
        JPEG[:2],
        JPEG[:100],
        JPEG[: len(JPEG) * 3 // 4],
        JPEG[:-2],
        JPEG[: len(JPEG) * 3 // 4] + b"\0" * (len(JPEG) // 4),
    ],
    ids=lambda data: f"{len(data)}-bytes",
)
def test_damage_is_an_error_with_the_file_in_it(place, data: bytes) -> None:
    with pytest.raises(UnreadableFileError, match=r"sample\.png` should be an image of 8-bit RGB"):
        read_rgb(place(data))


def test_absurd_sizes_are_refused_before_decoding(place) -> None:
    width = 2**17
    data = png_header(width, LARGEST // width + 1, 8, 2)
    with pytest.raises(UnreadableFileError, match=f"of at most {LARGEST} pixels"):
        read_rgb(place(data))


@pytest.mark.parametrize("read", [read_rgb, read_grey8, read_grey16, read_rgb16])
def test_missing_file_is_named(tmp_path: Path, read) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.png` does not exist.*skip list"):
        read(tmp_path / "absent.png")


def test_link_that_leads_nowhere_is_named_with_its_end(tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to(tmp_path / "moved.png")
    with pytest.raises(
        FileNotFoundError, match=r"link\.png` does not exist where it leads, to .*moved"
    ):
        read_rgb(tmp_path / "link.png")


def test_error_reaches_other_processes(place) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        read_rgb(place(b""))
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error) == str(caught.value)


@pytest.mark.parametrize(
    ("read", "array"),
    [
        (read_rgb, BYTES),
        (read_grey8, BYTES[..., 1]),
        (read_grey16, BYTES[..., 0] * np.uint16(257)),
        (read_rgb16, BYTES * np.uint16(257)),
    ],
)
def test_what_is_written_is_read(tmp_path: Path, read, array: np.ndarray) -> None:
    file = tmp_path / "new" / "folder" / "sample.png"
    write_png(file, array)
    np.testing.assert_array_equal(read(file), array)
    assert [entry.name for entry in file.parent.iterdir()] == ["sample.png"]


def test_written_colours_are_those_other_programs_see(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", BYTES)
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "a.png")), BYTES)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "a.png"
    write_png(file, BYTES)

    def full(self: Path, target: Path) -> Path:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_png(file, 255 - BYTES)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]
    np.testing.assert_array_equal(read_rgb(file), BYTES)


@pytest.mark.parametrize(
    "array", [BYTES.astype(np.float32), BYTES[..., :2], BYTES[0, 0], BYTES.astype(np.int32)]
)
def test_other_arrays_are_not_written(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="`array` should be uint8 or uint16"):
        write_png(tmp_path / "a.png", array)


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="found a folder") as error:
        read_rgb(tmp_path)
    assert f"`{tmp_path}`" in str(error.value)


def test_a_file_without_permission_is_named(place, monkeypatch) -> None:
    def refuse(file: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(file))

    file = place(encoded("PNG"))
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UnreadableFileError, match="cannot be read") as error:
        read_rgb(file)
    assert f"`{file}`" in str(error.value)
