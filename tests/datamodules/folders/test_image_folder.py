"""Photos in every form in which people have them."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules import CentreCrop, ImageFolder, Labels, UnreadableFileError
from datamodules.disk.photos import read_photo
from datamodules.folders.image_folder import READ

SIZE = (32, 64)
RED, GREY, WHITE = [200, 0, 0], [90, 90, 90], [255, 255, 255]


def folder(root: Path, **settings) -> ImageFolder:
    return ImageFolder(root, SIZE, **{"workers": 0} | settings)


def names(root: Path) -> list[str]:
    data = folder(root)
    data.setup("predict")
    return [name for batch in data.predict_dataloader() for name in batch["name"]]


def save(file: Path, mode: str = "RGB", size: tuple[int, int] = (6, 4), **options) -> Path:
    """A photo of 6 x 4 pixels, of one colour but for its upper left quarter."""
    image = Image.new("RGB", size, (200, 0, 0))
    image.paste((0, 0, 200), (0, 0, size[0] // 2, size[1] // 2))
    file.parent.mkdir(parents=True, exist_ok=True)
    image.convert(mode).save(file, **options)
    return file


def test_colours_are_red_green_blue(tmp_path: Path) -> None:
    pixels = read_photo(save(tmp_path / "a.png"))
    assert pixels.dtype == np.uint8
    assert pixels.shape == (4, 6, 3)
    assert pixels[3, 5].tolist() == RED
    assert pixels[0, 0].tolist() == [0, 0, 200]


def test_jpeg_is_read_too(tmp_path: Path) -> None:
    file = save(tmp_path / "a.JPG", size=(64, 64), format="jpeg", quality=95, subsampling=0)
    np.testing.assert_allclose(read_photo(file)[50, 50].astype(int), RED, atol=4)


def test_grey_is_three_equal_channels(tmp_path: Path) -> None:
    Image.new("L", (6, 4), 90).save(tmp_path / "a.png")
    assert read_photo(tmp_path / "a.png")[1, 1].tolist() == GREY


@pytest.mark.parametrize("mode", ["1", "P", "CMYK"])
def test_other_kinds_of_eight_bits(tmp_path: Path, mode: str) -> None:
    file = save(tmp_path / ("a.jpg" if mode == "CMYK" else "a.png"), mode)
    assert read_photo(file).shape == (4, 6, 3)


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (6, 4), (200, 0, 0, 255))
    image.putpixel((0, 0), (0, 255, 0, 0))
    image.save(tmp_path / "a.png")
    pixels = read_photo(tmp_path / "a.png")
    assert pixels[0, 0].tolist() == WHITE
    assert pixels[0, 1].tolist() == RED


def test_transparent_colour_of_a_palette_is_white(tmp_path: Path) -> None:
    image = Image.new("P", (6, 4))
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "a.png", transparency=0)
    assert read_photo(tmp_path / "a.png")[0, :2].tolist() == [WHITE, RED]


@pytest.mark.parametrize(
    ("orientation", "blue"),
    # EXIF 274: 1 upright, 3 upside down, 6 turned so that the first row is at the right, 8 left.
    [(1, (0, 0)), (3, (3, 5)), (6, (0, 3)), (8, (5, 0))],
)
def test_photos_on_their_side_are_set_upright(
    tmp_path: Path, orientation: int, blue: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    pixels = read_photo(save(tmp_path / "a.png", exif=exif))
    assert pixels.shape[:2] == ((4, 6) if orientation < 5 else (6, 4))
    assert pixels[blue].tolist() == [0, 0, 200]


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_of_sixteen_bits_the_upper_eight_are_taken(tmp_path: Path, suffix: str) -> None:
    grey = np.full((4, 6), 90 * 257, np.uint16)
    grey[0, 0] = 65535
    Image.fromarray(grey).save(tmp_path / f"a.{suffix}")
    pixels = read_photo(tmp_path / f"a.{suffix}")
    assert pixels[1, 1].tolist() == GREY
    assert pixels[0, 0].tolist() == WHITE


def test_numbers_without_a_range_are_refused_by_name(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 6), 0.5, np.float32)).save(tmp_path / "depth.tif")
    with pytest.raises(UnreadableFileError, match=r"depth\.tif.*kind F, whose range nothing"):
        read_photo(tmp_path / "depth.tif")


@pytest.mark.parametrize("suffix", [each for each in READ if each not in (".pgm", ".jfif")])
def test_all_kinds_of_pictures_are_read(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == ".webp" else {}
    save(tmp_path / f"a{suffix}", size=(64, 64), **options)
    np.testing.assert_allclose(read_photo(tmp_path / f"a{suffix}")[50, 50].astype(int), RED, atol=6)
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("suffix", ["gif", "webp", "tif", "png"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ((200, 0, 0), (0, 200, 0))]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(read_photo(tmp_path / f"a.{suffix}")[9, 9].astype(int), RED, atol=6)


def test_what_cannot_be_read_is_left_out_with_its_reason(tmp_path: Path) -> None:
    save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG")
    (tmp_path / "phone.HEIC").write_bytes(b"ftypheic")
    (tmp_path / "notes.txt").write_text("none")
    data = folder(tmp_path, workers=1)
    data.setup("predict")
    assert [name for batch in data.predict_dataloader() for name in batch["name"]] == ["good"]
    assert set(data.left_out) == {tmp_path / "bad.png", tmp_path / "phone.HEIC"}
    assert "should be a whole picture" in data.left_out[tmp_path / "bad.png"]
    assert "does not read `.HEIC`" in data.left_out[tmp_path / "phone.HEIC"]


@pytest.mark.parametrize("name", ["bad.png", "phone.heic"])
def test_a_folder_with_nothing_that_can_be_read_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(UnreadableFileError, match=f"none of 1 that can be read.*{name}"):
        folder(tmp_path).setup("predict")


def test_one_file_is_a_folder_of_one(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    save(tmp_path / "b.png")
    assert names(tmp_path / "b.png") == ["b"]


@pytest.mark.parametrize("keep", [0, 20, 100])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_damaged_files_are_named(tmp_path: Path, suffix: str, keep: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    file = tmp_path / f"holiday.{suffix}"
    Image.fromarray(noise).save(file)
    file.write_bytes(file.read_bytes()[: keep * file.stat().st_size // 101])
    with pytest.raises(UnreadableFileError, match=rf"holiday\.{suffix}.*whole picture") as error:
        read_photo(file)
    assert f"`{file}`" in str(error.value)


def test_other_files_with_an_images_name_are_named(tmp_path: Path) -> None:
    Image.new("RGB", (6, 4)).save(tmp_path / "a.png", format="eps")
    with pytest.raises(UnreadableFileError, match=r"a\.png"):
        read_photo(tmp_path / "a.png")


def test_a_pipe_with_an_images_name_is_left_out_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    found = ImageFolder(tmp_path, (32, 32)).found
    assert [photo.name for photo in found.readable] == ["photo"]
    assert "found no file but a pipe" in found.left_out[tmp_path / "pipe.png"]


def test_a_photo_that_is_damaged_later_stops_a_worker_with_its_name(tmp_path: Path) -> None:
    save(tmp_path / "bad.png")
    data = folder(tmp_path, workers=1)
    data.setup("predict")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG")
    with pytest.raises(UnreadableFileError, match=r"bad\.png"):
        next(iter(data.predict_dataloader()))


def test_images_are_found_in_folders_and_in_order(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpeg", "trip/c.jpg", ".thumbnails/a.png", "._b.PNG"):
        save(tmp_path / name, format="jpeg" if "jp" in name else "png")
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / "d.png").mkdir()
    assert names(tmp_path) == ["a", "b", "trip/c"]


def test_names_stay_apart(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "b.png"):
        save(tmp_path / name)
    assert names(tmp_path) == ["a.jpg", "a.png", "b.png"]


@pytest.mark.parametrize(("exists", "found"), [(True, "no such file"), (False, "no such folder")])
def test_nothing_to_predict_on_is_an_error(tmp_path: Path, exists: bool, found: str) -> None:
    root = tmp_path if exists else tmp_path / "photos"
    with pytest.raises(FileNotFoundError, match=found):
        folder(root).setup("predict")


def test_photos_of_all_sizes_make_one_batch(tmp_path: Path) -> None:
    save(tmp_path / "wide.png", size=(200, 50))
    save(tmp_path / "tall.png", size=(20, 40))
    data = folder(tmp_path, batch_size=2)
    data.setup("predict")
    (batch,) = data.predict_dataloader()
    assert batch["image"].shape == (2, 3, 32, 64)
    assert batch["image"].dtype == torch.uint8
    assert batch["size"].tolist() == [[40, 20], [50, 200]]
    assert batch["shown"].tolist() == [[32, 16], [16, 64]]


@pytest.mark.parametrize("stage", ["fit", "validate", "test"])
def test_there_is_nothing_to_train_or_test_on(tmp_path: Path, stage: str) -> None:
    save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=f"`{stage}`.*Only `predict`"):
        folder(tmp_path).setup(stage)


def test_numbers_have_a_form_of_their_own(tmp_path: Path) -> None:
    form = folder(tmp_path).prediction_format
    form.write(tmp_path / form.folder, "trip/c", "depth", np.full((1, 4, 6), 2.5, np.float32))
    form.write(tmp_path / form.folder, "trip/c", "segmentation", np.full((4, 6), 18))
    codes = {
        task: np.asarray(Image.open(tmp_path / f"numbers/{task}/trip/c.png"))
        for task in ("depth", "segmentation")
    }
    assert (codes["depth"] == 640).all()
    assert (codes["segmentation"] == 18).all()


def test_classes_are_those_of_the_training(tmp_path: Path) -> None:
    labels = {"segmentation": Labels(("road", "sky"), ((128, 64, 128), (70, 130, 180)))}
    assert folder(tmp_path, labels=labels).labels == labels
    assert folder(tmp_path).labels == {}


@pytest.mark.parametrize("shown", [None, [CentreCrop(SIZE)]])
def test_photos_are_padded_unless_somebody_says_how_they_are_shown(
    shown: list[CentreCrop] | None, tmp_path: Path
) -> None:
    Image.new("RGB", (300, 40), "white").save(tmp_path / "wide.png")
    data = folder(tmp_path)
    data.shown = shown
    data.setup("predict")
    (batch,) = data.predict_dataloader()
    assert batch["image"].shape[-2:] == SIZE
    assert bool((batch["image"] == 255).all()) == (shown is not None)
