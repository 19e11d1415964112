"""Taskonomy's files: which are needed, and what is said of those that are missing or damaged."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.disk.images import UnreadableFileError
from tests.fakes.taskonomy import SIZE, read, taskonomy, view_file, write_view

SAMPLE = ("hanson", 9, 2)
TASKS = ("segmentation", "depth", "normals", "edges")

DOMAINS = {
    "segmentation": "segment_semantic",
    "depth": "depth_zbuffer",
    "normals": "normal",
    "edges": "edge_texture",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_view(tmp_path, *SAMPLE)
    return tmp_path


@pytest.mark.parametrize("task", TASKS)
def test_only_the_files_of_a_task_are_needed(tmp_path: Path, task: str) -> None:
    write_view(tmp_path, *SAMPLE, domains=("rgb", DOMAINS[task]))
    assert read(tmp_path, tasks=[task]).keys() == {"image", "name", task}


@pytest.mark.parametrize("task", TASKS)
def test_missing_partner_is_named_unless_its_view_is_skipped(tree: Path, task: str) -> None:
    file = view_file(tree, DOMAINS[task], *SAMPLE)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=file.name):
        read(tree)
    write_view(tree, "merom", 0, 0)
    skip = tree / "skip.txt"
    skip.write_text("hanson_point_9_view_2  # incomplete\n")
    assert read(tree, skip=skip)["name"] == "merom_point_0_view_0"


def test_images_known_to_be_damaged_are_left_out(tmp_path: Path) -> None:
    for view in (7, 8):
        write_view(tmp_path, "newfields", 1070, view)
    for building, point, view in (("woodbine", 1096, 6), ("muleshoe", 399, 5), ("muleshoe", 3, 5)):
        write_view(tmp_path, building, point, view)
    data = taskonomy(tmp_path)
    names = [r.name for split in ("train", "test") for r in data.source(split).records]
    assert names == ["newfields_point_1070_view_7", "muleshoe_point_3_view_5"]


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def make_8_bit(file: Path) -> None:
    cv2.imwrite(str(file), np.zeros((SIZE, SIZE), np.uint8))


def make_colour(file: Path) -> None:
    cv2.imwrite(str(file), np.zeros((SIZE, SIZE, 3), np.uint8))


def make_16_bit(file: Path) -> None:
    cv2.imwrite(str(file), np.zeros((SIZE, SIZE), np.uint16))


def make_code_18(file: Path) -> None:
    cv2.imwrite(str(file), np.full((SIZE, SIZE), 18, np.uint8))


@pytest.mark.parametrize(
    ("domain", "damage"),
    [
        *[
            (domain, damage)
            for domain in (*DOMAINS.values(), "rgb")
            for damage in (truncate, empty)
        ],
        ("depth_zbuffer", make_8_bit),
        ("edge_texture", make_8_bit),
        ("segment_semantic", make_colour),
        ("segment_semantic", make_code_18),
        ("normal", make_16_bit),
        ("rgb", make_8_bit),
    ],
)
def test_damaged_file_is_named(tree: Path, domain: str, damage) -> None:
    file = view_file(tree, domain, *SAMPLE)
    damage(file)
    with pytest.raises(UnreadableFileError) as error:
        read(tree)
    assert str(file) in str(error.value)
