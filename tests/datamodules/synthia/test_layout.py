from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from datamodules.rendering import STREET_CLASSES, Frame
from datamodules.synthia.layout import Synthia
from datamodules.writing import Place, Plan

# The dataset's README.
IDS = {
    "road": 3,
    "sidewalk": 4,
    "building": 2,
    "pole": 7,
    "sign": 9,
    "tree": 6,
    "person": 10,
    "car": 8,
    "sky": 1,
}

Read = Callable[[Path], np.ndarray]
Scenes = Callable[[Plan], Iterator[tuple[Place, Frame]]]


@pytest.fixture(scope="module")
def plan(written: Callable[..., Plan]) -> Plan:
    return written("synthia")


def test_tree(plan: Plan, tree: Callable[[Plan], set[str]]) -> None:
    numbers = [place.name for place in plan.places]
    assert len(set(numbers)) == len(numbers) >= 3
    assert all(len(number) == 7 and 0 <= int(number) <= 9399 for number in numbers)
    folders = ("RGB", "Depth", "GT/LABELS")
    expected = {f"RAND_CITYSCAPES/{folder}/{n}.png" for folder in folders for n in numbers}
    assert tree(plan) == expected


def test_classes_are_in_red_at_16_bits(plan: Plan, scenes: Scenes, raw: Read) -> None:
    names = [name for name, _ in STREET_CLASSES]
    for place, frame in scenes(plan):
        labels = raw(plan.out / f"RAND_CITYSCAPES/GT/LABELS/{place.name}.png")
        assert (labels.dtype, labels.shape) == (np.uint16, (48, 64, 3))
        expected = np.vectorize(lambda number: IDS[names[number]])(frame.segmentation)
        np.testing.assert_array_equal(labels[..., 0], expected)
        assert (labels[..., 1:] == 0).all()


def test_depth_is_in_centimetres_in_every_channel(plan: Plan, scenes: Scenes, raw: Read) -> None:
    for place, frame in scenes(plan):
        codes = raw(plan.out / f"RAND_CITYSCAPES/Depth/{place.name}.png")
        assert (codes.dtype, codes.shape) == (np.uint16, (48, 64, 3))
        assert (codes == codes[..., :1]).all()
        sky = np.isnan(frame.depth)
        assert sky.any()
        np.testing.assert_array_equal(codes[..., 0] == 65535, sky)
        error = codes[..., 0] / 100.0 - frame.depth
        assert np.abs(error[~sky]).max() < 0.005 + 1e-5


def test_every_scene_class_has_an_id() -> None:
    assert dict(Synthia.ids) == IDS
    assert set(IDS) == {name for name, _ in STREET_CLASSES}


def test_more_scenes_than_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="`count` asks for 9401 images"):
        Synthia().names("train", 9401)
