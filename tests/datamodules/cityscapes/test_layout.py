import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from datamodules.cityscapes.layout import Cityscapes, disparity_codes
from datamodules.rendering import STREET_CLASSES, Frame
from datamodules.writing import Place, Plan

# labels.py of cityscapesScripts.
IDS = {
    "road": 7,
    "sidewalk": 8,
    "building": 11,
    "pole": 17,
    "sign": 20,
    "tree": 21,
    "person": 24,
    "car": 26,
    "sky": 23,
}
ENDINGS = {
    "leftImg8bit": ["leftImg8bit.png"],
    "gtFine": ["gtFine_labelIds.png"],
    "disparity": ["disparity.png"],
    "camera": ["camera.json"],
}

Read = Callable[[Path], np.ndarray]
Scenes = Callable[[Plan], Iterator[tuple[Place, Frame]]]


@pytest.fixture(scope="module")
def plan(written: Callable[..., Plan]) -> Plan:
    return written("cityscapes")


def file_of(plan: Plan, kind: str, place: Place, ending: str) -> Path:
    city = place.name.split("_")[0]
    return plan.out / kind / place.split / city / f"{place.name}_{ending}"


def test_tree(plan: Plan, tree: Callable[[Plan], set[str]]) -> None:
    stems = [
        "train/aachen/aachen_000000_000019",
        "train/aachen/aachen_000001_000019",
        "val/frankfurt/frankfurt_000000_000019",
        "test/berlin/berlin_000000_000019",
    ]
    assert tree(plan) == {
        f"{kind}/{stem}_{ending}"
        for stem in stems
        for kind, endings in ENDINGS.items()
        for ending in endings
    }


def test_tree_by_archive(written: Callable[..., Plan], tree: Callable[[Plan], set[str]]) -> None:
    paths = tree(written("cityscapes", "archives"))
    assert len(paths) == 16
    name = "val/frankfurt/frankfurt_000000_000019"
    assert f"leftImg8bit_trainvaltest/leftImg8bit/{name}_leftImg8bit.png" in paths
    assert f"camera_trainvaltest/camera/{name}_camera.json" in paths


def test_tree_with_train_extra(
    written: Callable[..., Plan], tree: Callable[[Plan], set[str]]
) -> None:
    extra = written("cityscapes", "extra")
    stems = [f"train_extra/augsburg/augsburg_{number:06d}_000019" for number in (0, 1)]
    endings = ENDINGS | {"gtCoarse": ["gtCoarse_labelIds.png"]}
    del endings["gtFine"]
    assert tree(extra) - tree(written("cityscapes")) == {
        f"{kind}/{stem}_{ending}"
        for stem in stems
        for kind, listed in endings.items()
        for ending in listed
    }
    assert extra.layout.counts(8) == {"train": 8, "val": 2, "test": 2, "train_extra": 8}


def test_coarse_labels_end_two_pixels_before_borders(
    written: Callable[..., Plan], scenes: Scenes, raw: Read
) -> None:
    extra = written("cityscapes", "extra")
    names = [name for name, _ in STREET_CLASSES]
    for place, frame in scenes(extra):
        if place.split != "train_extra":
            continue
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(frame.segmentation, 2, mode="edge"), (5, 5)
        )
        alone = windows.min((2, 3)) == windows.max((2, 3))
        ids = np.vectorize(lambda number: IDS[names[number]])(frame.segmentation)
        codes = raw(file_of(extra, "gtCoarse", place, "gtCoarse_labelIds.png"))
        assert codes.dtype == np.uint8
        np.testing.assert_array_equal(codes, np.where(alone, ids, 0))
        assert 0.2 < alone.mean() < 0.99


def test_label_ids(plan: Plan, scenes: Scenes, raw: Read) -> None:
    names = [name for name, _ in STREET_CLASSES]
    for place, frame in scenes(plan):
        codes = raw(file_of(plan, "gtFine", place, "gtFine_labelIds.png"))
        assert (codes.dtype, codes.shape) == (np.uint8, (48, 64))
        expected = np.vectorize(lambda number: IDS[names[number]])(frame.segmentation)
        # As in the real test split, nothing is labelled.
        np.testing.assert_array_equal(codes, 0 if place.split == "test" else expected)


def test_disparity_is_in_256ths_of_a_pixel_from_code_1_on() -> None:
    depth = np.array([[10.0, 100.0, np.nan]], np.float32)
    # 0.2 m · 1000 px / 10 m = 20 px = 5120 / 256 px; a tenth of it at ten times the depth.
    assert disparity_codes(depth, 1000.0, 0.2).tolist() == [[5121, 513, 0]]


def test_disparity_out_of_range_is_invalid() -> None:
    # 200 / 0.7813 m = 255.98 px, code 65532; nearer, codes would wrap around. At 200 km the
    # disparity is 0.26 / 256 px, which rounds to the code 1 of an infinite depth.
    depth = np.array([[0.7813, 0.78, 0.3, 200_000.0]], np.float32)
    codes = disparity_codes(depth, 1000.0, 0.2).tolist()
    assert codes == [[65533, 0, 0, 0]]


def test_camera_is_that_of_the_image(plan: Plan, scenes: Scenes) -> None:
    focal = set()
    for place, frame in scenes(plan):
        camera = json.loads(file_of(plan, "camera", place, "camera.json").read_text())
        assert camera.keys() == {"extrinsic", "intrinsic"}
        assert camera["extrinsic"] == {"baseline": 0.209313}
        intrinsic = camera["intrinsic"]
        assert (intrinsic["u0"], intrinsic["v0"]) == (32, 24)
        assert intrinsic["fx"] == intrinsic["fy"] == frame.camera[0]
        focal.add(intrinsic["fx"])
    assert len(focal) == 4


def test_every_scene_class_has_an_id() -> None:
    assert dict(Cityscapes.ids) == IDS
    assert set(IDS) == {name for name, _ in STREET_CLASSES}
