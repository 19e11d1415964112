"""Damage inside a JPEG, which its decoder fills up: refused where it is asked for."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules import VKITTI2
from datamodules.check import check
from datamodules.disk.images import UnreadableFileError, damage_refused, read_rgb
from datamodules.prepared.prepare import prepare
from tests.fakes.vkitti2 import frame_file, write_drive

SIZE = (96, 128)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "photo.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    cv2.imwrite(str(file), cv2.GaussianBlur(noise, (5, 5), 2))
    return file


def damage(file: Path) -> None:
    """Puts noise in the middle of the scan; its end stays."""
    content = bytearray(file.read_bytes())
    middle = (content.rindex(b"\xff\xda") + len(content)) // 2
    content[middle : middle + 64] = np.random.default_rng(1).bytes(64)
    file.write_bytes(content)


def test_damage_inside_is_refused_if_asked(photo: Path) -> None:
    damage(photo)
    with damage_refused(), pytest.raises(UnreadableFileError) as error:
        read_rgb(photo)
    assert f"`{photo}`" in str(error.value)
    assert "damaged inside: Corrupt JPEG data" in str(error.value)


def test_otherwise_it_is_what_the_decoder_makes_of_it(photo: Path) -> None:
    intact = read_rgb(photo)
    damage(photo)
    with damage_refused():
        pass  # over
    assert (read_rgb(photo) != intact).mean() > 0.1


def test_intact_images_are_read_alike(photo: Path, tmp_path: Path) -> None:
    png = tmp_path / "same.png"
    cv2.imwrite(str(png), cv2.imread(str(photo)))
    plain = read_rgb(photo)
    with damage_refused():
        np.testing.assert_array_equal(read_rgb(photo), plain)
        np.testing.assert_array_equal(read_rgb(png), plain)


def test_other_damage_is_named_as_before(photo: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:-200])
    with damage_refused(), pytest.raises(UnreadableFileError, match="truncated or corrupt"):
        read_rgb(photo)


def test_lost_blocks_are_nearly_always_found(photo: Path) -> None:
    content = photo.read_bytes()
    start, random, found = content.rindex(b"\xff\xda") + 14, np.random.default_rng(2), 0
    for place in random.integers(start, len(content) - 1026, 40).tolist():
        photo.write_bytes(content[:place] + bytes(1024) + content[place + 1024 :])
        with damage_refused():
            try:
                read_rgb(photo)
            except UnreadableFileError:
                found += 1
    assert found >= 30


def test_check_finds_it_and_prepare_refuses_it(tmp_path: Path) -> None:
    write_drive(tmp_path, "Scene01")
    file = frame_file(tmp_path, "rgb")
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    cv2.imwrite(str(file), noise)
    data = VKITTI2(tmp_path, (16, 24), scenes={"train": ["Scene01"]}, tasks=["depth"])
    assert check(data, processes=0).splits["train"].bad == []
    damage(file)
    for processes in (0, 1):
        report = check(data, processes)
        (message,) = (problem.message for problem in report.problems if problem.name)
        assert file.name in message
        assert "Corrupt JPEG data" in message
    with pytest.raises(UnreadableFileError, match="Corrupt JPEG data"):
        prepare(data, processes=0)
