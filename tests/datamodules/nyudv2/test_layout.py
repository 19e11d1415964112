from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from datamodules.nyudv2.layout import NYUDv2Arrays, boundaries
from datamodules.rendering import ROOM_CLASSES, Frame
from datamodules.writing import Place, Plan

# Ids 1 to 40 of classMapping40.mat.
IDS = {
    "floor": 2,
    "ceiling": 22,
    "wall": 1,
    "panel": 11,  # picture
    "box": 3,  # cabinet
    "sphere": 5,  # chair
    "cylinder": 7,  # table
    "cone": 35,  # lamp
}
NAMES = ["train_0001", "train_0002", "val_0001"]

Read = Callable[[Path], np.ndarray]
Scenes = Callable[[Plan], Iterator[tuple[Place, Frame]]]


@pytest.fixture(scope="module")
def arrays(written: Callable[..., Plan]) -> Plan:
    return written("nyudv2", "npy")


@pytest.fixture(scope="module")
def images(written: Callable[..., Plan]) -> Plan:
    return written("nyudv2", "png")


@pytest.mark.parametrize(
    ("form", "endings"),
    [("npy", ("jpg", "png", "npy", "npy", "npy")), ("png", ("png", "png", "npy", "png", "png"))],
)
def test_tree(
    request: pytest.FixtureRequest,
    tree: Callable[[Plan], set[str]],
    form: str,
    endings: tuple[str, ...],
) -> None:
    plan = request.getfixturevalue({"npy": "arrays", "png": "images"}[form])
    folders = ("images", "segmentation", "depth", "normals", "edge")
    files = {
        f"{folder}/{name}.{ending}"
        for folder, ending in zip(folders, endings, strict=True)
        for name in NAMES
    }
    assert tree(plan) == files | {"gt_sets/train.txt", "gt_sets/val.txt"}
    assert (plan.out / "gt_sets/train.txt").read_text() == "train_0001\ntrain_0002\n"
    assert (plan.out / "gt_sets/val.txt").read_text() == "val_0001\n"


def test_arrays_have_32_bits(arrays: Plan) -> None:
    for folder in ("depth", "normals"):
        assert np.load(arrays.out / folder / f"{NAMES[0]}.npy").dtype == np.float32


def test_what_is_unknown_is_zero() -> None:
    nan = np.float32(np.nan)
    frame = Frame(
        np.zeros((1, 2, 3), np.uint8),
        np.zeros((1, 2), np.uint8),
        np.array([[1.5, nan]], np.float32),
        np.array([[[0, 0, -1], [nan, nan, nan]]], np.float32),
        (1.0, 1.0, 1.0, 0.5),
    )
    files = NYUDv2Arrays().files(Place("train", 0, "x"))
    assert files["depth/x.npy"](frame).tolist() == [[1.5, 0.0]]
    assert files["normals/x.npy"](frame).tolist() == [[[0, 0, 1], [0, 0, 0]]]


def test_edges_are_boundaries(arrays: Plan, images: Plan, scenes: Scenes, raw: Read) -> None:
    for place, frame in scenes(arrays):
        edge = np.load(arrays.out / f"edge/{place.name}.npy")
        assert edge.dtype == np.float32
        np.testing.assert_array_equal(edge > 0, boundaries(frame))
        assert set(np.unique(edge)) == {0, 1}
        np.testing.assert_array_equal(raw(images.out / f"edge/{place.name}.png"), 255 * edge)


def test_boundaries_are_left_and_above_a_change() -> None:
    frame = Frame(
        np.zeros((3, 3, 3), np.uint8),
        np.array([[1, 1, 1], [1, 2, 2], [1, 2, 2]], np.uint8),
        np.ones((3, 3), np.float32),
        np.ones((3, 3, 3), np.float32),
        (1.0, 1.0, 1.0, 1.0),
    )
    assert boundaries(frame).astype(int).tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]


def test_camera_is_the_toolbox_s_behind_the_window() -> None:
    # The toolbox counts pixel centres from 1, which puts our corner at 0.5 there; the window
    # starts at row 45 and column 40.
    calibration = NYUDv2Arrays.calibration
    assert calibration is not None
    expected = (518.8579, 519.46961, 325.58245 - 0.5 - 40, 253.73617 - 0.5 - 45)
    assert calibration.at((425, 560)) == pytest.approx(expected)
    assert NYUDv2Arrays.size == (425, 560)


def test_every_scene_class_has_an_id() -> None:
    assert dict(NYUDv2Arrays.ids) == IDS
    assert set(IDS) == {name for name, _ in ROOM_CLASSES}
