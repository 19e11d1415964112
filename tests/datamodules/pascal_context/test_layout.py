from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from scipy import ndimage

from datamodules import PASCALContext
from datamodules.check import check
from datamodules.pascal_context.classes import HAS_NORMALS, PARTS, PASCAL_21
from datamodules.pascal_context.layout import PASCALContextTree, regions, salient
from datamodules.rendering import PHOTO_CLASSES, Frame
from datamodules.writing import Place, Plan
from datamodules.writing.files import save

NAMES = [name for name, _ in PHOTO_CLASSES]
FIGURE = ["head", "torso", "upper arm", "lower arm", "upper leg", "lower leg"]
CLASSES = {
    "dog": "dog",
    "chair": "chair",
    "table": "diningtable",
    "car": "car",
    "plant": "pottedplant",
    "bottle": "bottle",
    **dict.fromkeys(FIGURE, "person"),
}

Read = Callable[[Path], np.ndarray]
Scenes = Callable[[Plan], Iterator[tuple[Place, Frame]]]


@pytest.fixture(scope="module")
def plan(written: Callable[..., Plan]) -> Plan:
    """Enough photos for some with people and some without, of each of the two kinds of classes."""
    return written("pascal_context", None, (48, 64), 6)


def classes_of(frame: Frame) -> np.ndarray:
    table = [PASCAL_21.names.index(CLASSES.get(name, "background")) for name in NAMES]
    return np.array(table)[frame.segmentation]


def test_tree(plan: Plan, tree: Callable[[Plan], set[str]]) -> None:
    names = [*(f"2008_{number:06d}" for number in range(1, 7)), "2009_000001"]
    kinds = {
        "JPEGImages": "jpg",
        "pascal-context/trainval": "mat",
        "human_parts": "mat",
        "sal_distill": "png",
        "normals_distill": "png",
    }
    files = {f"{folder}/{name}.{kind}" for folder, kind in kinds.items() for name in names}
    # By turns labelled by people and derived, in each split from its first photo on.
    people = ("2008_000001", "2008_000003", "2008_000005", "2009_000001")
    derived = sorted({*names} - {*people})
    files |= {f"semseg/VOC12/{name}.png" for name in people}
    files |= {f"semseg/pascal-context/{name}.png" for name in derived}
    files |= {f"ImageSets/Context/{split}.txt" for split in ("train", "val")}
    assert tree(plan) == files
    assert (plan.out / "ImageSets/Context/val.txt").read_text() == "2009_000001\n"


def test_classes_have_void_rims_where_people_labelled(
    plan: Plan, scenes: Scenes, raw: Read
) -> None:
    for place, frame in scenes(plan):
        expected = classes_of(frame)
        if place.index % 2:
            found = raw(plan.out / f"semseg/pascal-context/{place.name}.png")
            np.testing.assert_array_equal(found, expected)
            continue
        found = raw(plan.out / f"semseg/VOC12/{place.name}.png")
        void = found == 255
        np.testing.assert_array_equal(found[~void], expected[~void])
        near = ndimage.maximum_filter(expected, 3) != ndimage.minimum_filter(expected, 3)
        np.testing.assert_array_equal(void, near)


def test_regions_are_of_context_s_own_ids(plan: Plan, scenes: Scenes) -> None:
    for place, frame in scenes(plan):
        content = scipy.io.loadmat(plan.out / f"pascal-context/trainval/{place.name}.mat")
        assert content["LabelMap"].dtype == np.uint16
        for name, id in (("person", 284), ("sky", 360), ("wall", 440), ("plant", 308)):
            mine = [NAMES.index(each) for each in NAMES if CLASSES.get(each, each) == name]
            mine += [NAMES.index(name)] if name in NAMES and not mine else []
            np.testing.assert_array_equal(
                content["LabelMap"] == id, np.isin(frame.segmentation, mine)
            )


def test_annotation_is_of_structs_as_in_the_dataset(plan: Plan, scenes: Scenes) -> None:
    seen = set()
    for place, frame in scenes(plan):
        content = scipy.io.loadmat(plan.out / f"human_parts/{place.name}.mat")
        assert content["anno"].shape == (1, 1)
        assert content["anno"][0, 0]["imname"][0] == f"{place.name}.jpg"
        objects = content["anno"][0, 0]["objects"]
        people = np.isin(frame.segmentation, [NAMES.index(part) for part in FIGURE])
        dogs = frame.segmentation == NAMES.index("dog")
        assert objects.shape == ((1, people.any() + dogs.any()) if objects.size else (0, 0))
        for thing in objects.flat:
            name = thing["class"][0]
            seen.add(name)
            assert thing["class_ind"].item() == PASCAL_21.names.index(name)
            np.testing.assert_array_equal(thing["mask"], people if name == "person" else dogs)
            assert {part["mask"].dtype for part in thing["parts"].flat} == {np.dtype(np.uint8)}
    assert "person" in seen


def test_what_is_written_comes_back(plan: Plan, scenes: Scenes) -> None:
    data = PASCALContext(plan.out, (48, 64))
    frames = {place.name: frame for place, frame in scenes(plan)}
    samples = [
        data.reader()(photo, data.reads)
        for split in ("train", "val")
        for photo in data.records(split)
    ]
    assert sorted(sample["name"] for sample in samples) == sorted(frames)
    part_ids = np.array([PARTS.names.index(n) if n in PARTS.names else 0 for n in NAMES])
    without = 0
    for sample in samples:
        frame = frames[sample["name"]]
        assert np.abs(sample["image"].astype(int) - frame.image).mean() < 12
        parts = part_ids[frame.segmentation]
        without += not parts.any()
        expected = parts if parts.any() else np.full_like(parts, 255)
        np.testing.assert_array_equal(sample["human_parts"], expected)
        np.testing.assert_array_equal(sample["saliency"], salient(frame))
        known = HAS_NORMALS[regions(frame)] & ~np.isnan(frame.depth)
        np.testing.assert_array_equal(~np.isnan(sample["normals"][..., 0]), known)
        error = np.linalg.norm((sample["normals"] - frame.normals)[known], axis=-1)
        assert error.max() < 3**0.5 / 255 + 1e-2
    assert 0 < without < len(samples)
    assert check(data, processes=0).problems == []


def flat_frame(categories: np.ndarray) -> Frame:
    size = categories.shape
    return Frame(
        np.zeros((*size, 3), np.uint8),
        categories.astype(np.uint8),
        np.ones(size, np.float32),
        np.zeros((*size, 3), np.float32),
        (1.0, 1.0, 1.0, 1.0),
    )


def test_what_is_large_and_near_the_middle_is_salient() -> None:
    categories = np.full((21, 21), NAMES.index("floor"))
    categories[8:13, 8:13] = NAMES.index("dog")
    categories[8:13, 14:17] = NAMES.index("chair")  # three fifths as large, and beside it
    categories[0:3, 0:3] = NAMES.index("head")  # small, in a corner
    categories[15:20, 8:13] = NAMES.index("clutter")  # no thing
    found = salient(flat_frame(categories))
    assert found[10, 10]
    assert not found[[1, 17], [1, 10]].any()
    assert found.sum() == 25
    categories[8:13, 14:19] = NAMES.index("chair")
    assert salient(flat_frame(categories)).sum() == 50


def test_without_a_thing_nothing_is_salient() -> None:
    assert not salient(flat_frame(np.zeros((8, 8)))).any()


def test_every_scene_class_has_ids() -> None:
    assert set(PASCALContextTree.ids) == set(NAMES)
    ids = regions(flat_frame(np.arange(len(NAMES))[None]))
    assert ((ids >= 1) & (ids <= 459)).all()


def test_files_of_matlab_say_nothing_of_the_time(tmp_path: Path) -> None:
    for number in (1, 2):
        save(tmp_path / f"{number}.mat", {"LabelMap": np.ones((4, 4), np.uint16)})
    first, second = ((tmp_path / f"{number}.mat").read_bytes() for number in (1, 2))
    assert first == second
    assert b"Created" not in first
