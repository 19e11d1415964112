"""Every kind of image as 8-bit RGB."""

from inspect import unwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules import UnreadableFileError
from vtagml.inference.images import pixels_of


@pytest.fixture
def colours() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


def test_every_form_of_one_image_is_the_same(colours: np.ndarray, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.fromarray(colours).save(file)
    opaque = np.dstack([colours, np.full(colours.shape[:2], 255, np.uint8)])
    forms = [
        file,
        str(file),
        Image.open(file),
        Image.fromarray(colours),
        colours,
        colours / 255,
        (colours / 255).astype(np.float32),
        opaque,
        np.asfortranarray(colours),
    ]
    for form in forms:
        np.testing.assert_array_equal(pixels_of(form), colours)


def test_grey_is_the_same_in_three_channels(colours: np.ndarray) -> None:
    grey = colours[..., 0]
    for form in (grey, grey[..., None], Image.fromarray(grey), grey / 255):
        np.testing.assert_array_equal(pixels_of(form), np.repeat(grey[..., None], 3, axis=2))


def test_what_is_transparent_is_white() -> None:
    clear = np.array([[[200, 0, 0, 0], [200, 0, 0, 255]]], np.uint8)
    for form in (clear, Image.fromarray(clear)):
        assert pixels_of(form).tolist() == [[[255, 255, 255], [200, 0, 0]]]


def test_a_picture_is_turned_as_its_file_says(colours: np.ndarray, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 3  # upside down
    Image.fromarray(colours).save(tmp_path / "a.png", exif=exif)
    for form in (tmp_path / "a.png", Image.open(tmp_path / "a.png")):
        np.testing.assert_array_equal(pixels_of(form), colours[::-1, ::-1])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 6, 9), np.uint8), r"channels come last"),
        (np.zeros((6, 9, 2), np.uint8), r"\(6, 9, 2\)"),
        (np.zeros((0, 9, 3), np.uint8), r"\(0, 9, 3\)"),
        (np.zeros(9, np.uint8), r"\(9,\)"),
        (np.zeros((6, 9, 3), np.int64), "int64"),
        (np.full((6, 9, 3), 255.0), "to 255"),
        (np.full((6, 9, 3), -0.1), "from -0.1"),
        (np.full((6, 9, 3), np.nan), "nan"),
    ],
)
def test_other_arrays_are_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pixels_of(array)


def test_pictures_of_more_than_8_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="kind F"):
        pixels_of(Image.new("F", (4, 4)))


def test_other_things_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`image`.*tuple"):
        unwrap(pixels_of)((1, 2))  # as without the types' check of the tests


def test_images_beyond_the_limit_are_refused(
    colours: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datamodules.disk.photos.LARGEST", 53)  # 6 x 9 pixels are one too many
    for form in (colours, Image.fromarray(colours)):
        with pytest.raises(ValueError, match="9 x 6"):
            pixels_of(form)


def test_damaged_and_missing_files_are_named(colours: np.ndarray, tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    Image.fromarray(colours.repeat(20, 0).repeat(20, 1)).save(file)
    file.write_bytes(file.read_bytes()[:-400])
    with pytest.raises(UnreadableFileError, match=r"a\.jpg"):
        pixels_of(file)
    with Image.open(file) as opened, pytest.raises(ValueError, match="whole image"):
        pixels_of(opened)
    with pytest.raises(FileNotFoundError, match=r"none\.png"):
        pixels_of(tmp_path / "none.png")
