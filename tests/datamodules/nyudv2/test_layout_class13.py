from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from datamodules.rendering import ROOM_CLASSES, Frame
from datamodules.writing import Place, Plan

# Ids of class13Mapping.mat, of what the scenes' classes are in NYUDv2.
IDS = {
    "floor": 5,
    "ceiling": 3,
    "wall": 12,
    "panel": 8,  # picture
    "box": 6,  # cabinet: furniture
    "sphere": 4,  # chair
    "cylinder": 10,  # table
    "cone": 7,  # lamp: objects
}

Read = Callable[[Path], np.ndarray]
Scenes = Callable[[Plan], Iterator[tuple[Place, Frame]]]


@pytest.fixture(scope="module")
def plan(written: Callable[..., Plan]) -> Plan:
    return written("nyudv2", "class13", None, 1)


def test_tree(plan: Plan, tree: Callable[[Plan], set[str]]) -> None:
    # Frames for training come first in the official file.
    assert tree(plan) == {
        "nyu_train_rgb/nyu_rgb_0001.png",
        "nyuv2_train_class13/new_nyu_class13_0001.png",
        "nyu_normals_gt/train/00001.png",
        "nyu_test_rgb/nyu_rgb_0002.png",
        "nyuv2_test_class13/new_nyu_class13_0002.png",
        "nyu_normals_gt/test/00002.png",
        "nyu_depth_v2_labeled.mat",
        "splits.mat",
    }
    assert plan.missing == []


def test_pictures_are_those_of_the_scenes(plan: Plan, scenes: Scenes, raw: Read) -> None:
    ids = np.array([IDS[name] for name, _ in ROOM_CLASSES])
    for number, (place, frame) in enumerate(scenes(plan), start=1):
        image = raw(plan.out / f"nyu_{place.split}_rgb/nyu_rgb_{number:04d}.png")
        np.testing.assert_array_equal(image, frame.image)
        folder = plan.out / f"nyuv2_{place.split}_class13"
        classes = raw(folder / f"new_nyu_class13_{number:04d}.png")
        assert classes.dtype == np.uint8
        np.testing.assert_array_equal(classes, ids[frame.segmentation])
        normals = raw(plan.out / f"nyu_normals_gt/{place.split}/{number:05d}.png")
        assert normals.dtype == np.uint8
        # x left, y up, z to the camera.
        error = np.abs(normals / 127.5 - 1 + frame.normals)
        assert np.nanmax(error) <= 0.5 / 127.5 + 1e-6


def test_the_official_file_has_the_same_frames(plan: Plan, scenes: Scenes) -> None:
    with h5py.File(plan.out / "nyu_depth_v2_labeled.mat", "r") as labeled:
        for place, (_, frame) in enumerate(scenes(plan)):
            np.testing.assert_array_equal(labeled["images"][place].T, frame.image)
            np.testing.assert_array_equal(labeled["depths"][place].T, frame.depth)
