from collections.abc import Mapping

import numpy as np
import pytest

from datamodules.cityscapes.classes import (
    CITYSCAPES_13,
    CITYSCAPES_16,
    CITYSCAPES_19,
    CITYSCAPES_IDS,
    CITYSCAPES_SPACES,
    CTRL_7,
    DENSEMTL_7,
    VKITTI2_8,
    VKITTI2_8_STRICT,
)
from datamodules.labels import ClassMap, Labels, LabelSpace, class_maps, find_space
from datamodules.synthia.classes import SYNTHIA_IDS, SYNTHIA_SPACES
from datamodules.taskonomy.classes import TASKONOMY_17
from datamodules.vkitti2.classes import VKITTI2_14, VKITTI2_SPACES
from tests.fakes.spaces import between

# From the official label definitions and the field's own tables: id to train id.
CITYSCAPES = {
    "cityscapes_19": {
        7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9,
        23: 10, 24: 11, 25: 12, 26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18,
    },
    "cityscapes_16": {
        7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8,
        23: 9, 24: 10, 25: 11, 26: 12, 28: 13, 32: 14, 33: 15,
    },
    "cityscapes_13": {
        7: 0, 8: 1, 11: 2, 19: 3, 20: 4, 21: 5, 23: 6, 24: 7, 25: 8, 26: 9, 28: 10, 32: 11, 33: 12,
    },
    "vkitti2_8": {7: 0, 11: 1, 17: 2, 19: 3, 20: 4, 21: 5, 23: 6, 26: 7, 27: 7, 28: 7},
    # As DenseMTL: no 27.
    "vkitti2_8_strict": {7: 0, 11: 1, 17: 2, 19: 3, 20: 4, 21: 5, 23: 6, 26: 7, 28: 7},
    # CTRL's info7class.json, and cls07 of DenseMTL, which has no 12, 22, 25 and 27 to 32.
    "ctrl_7": {
        7: 0, 8: 0, 11: 1, 12: 1, 13: 1, 17: 2, 19: 2, 20: 2, 21: 3, 22: 3, 23: 4, 24: 5, 25: 5,
        26: 6, 27: 6, 28: 6, 29: 6, 30: 6, 31: 6, 32: 6, 33: 6,
    },
    "densemtl_7": {
        7: 0, 8: 0, 11: 1, 13: 1, 17: 2, 19: 2, 20: 2, 21: 3, 23: 4, 24: 5, 26: 6, 33: 6,
    },
}  # fmt: skip
SYNTHIA = {
    "cityscapes_19": {
        1: 10, 2: 2, 3: 0, 4: 1, 5: 4, 6: 8, 7: 5, 8: 13, 9: 7, 10: 11,
        11: 18, 12: 17, 15: 6, 16: 9, 17: 12, 18: 14, 19: 15, 20: 16, 21: 3,
    },
    "cityscapes_16": {
        3: 0, 4: 1, 2: 2, 21: 3, 5: 4, 7: 5, 15: 6, 9: 7,
        6: 8, 1: 9, 10: 10, 17: 11, 8: 12, 19: 13, 12: 14, 11: 15,
    },
    "cityscapes_13": {
        3: 0, 4: 1, 2: 2, 15: 3, 9: 4, 6: 5, 1: 6, 10: 7, 17: 8, 8: 9, 19: 10, 12: 11, 11: 12,
    },
    # CTRL's own table: lane markings (22) are flat; wall, terrain, rider, truck, bus, train and
    # motorcycle are unknown, unlike in Cityscapes.
    "ctrl_7": {
        3: 0, 4: 0, 22: 0, 2: 1, 5: 1, 7: 2, 9: 2, 15: 2, 6: 3, 1: 4, 10: 5, 8: 6, 11: 6,
    },
    "densemtl_7": {3: 0, 4: 0, 2: 1, 5: 1, 7: 2, 9: 2, 15: 2, 6: 3, 1: 4, 10: 5, 8: 6, 11: 6},
}  # fmt: skip
# By DenseMTL's numbers: Terrain 0, Sky 1, Tree 2, Vegetation 3, Building 4, Road 5, GuardRail 6,
# TrafficSign 7, TrafficLight 8, Pole 9, Misc 10, Truck 11, Car 12, Van 13.
VKITTI2_NAMES = (
    *("Terrain", "Sky", "Tree", "Vegetation", "Building", "Road", "GuardRail", "TrafficSign"),
    *("TrafficLight", "Pole", "Misc", "Truck", "Car", "Van"),
)
VKITTI2_IDS = dict(enumerate(VKITTI2_NAMES))
VKITTI2 = {
    "vkitti2_8": {5: 0, 4: 1, 9: 2, 8: 3, 7: 4, 2: 5, 3: 5, 1: 6, 11: 7, 12: 7, 13: 7},
    "vkitti2_8_strict": {5: 0, 4: 1, 9: 2, 8: 3, 7: 4, 2: 5, 3: 5, 1: 6, 11: 7, 12: 7, 13: 7},
    "cityscapes_19": {
        5: 0, 4: 2, 9: 5, 8: 6, 7: 7, 2: 8, 3: 8, 0: 9, 1: 10, 12: 13, 13: 13, 11: 14,
    },
}  # fmt: skip


def cases(tables: Mapping[str, Mapping[int, int]]) -> list[tuple[str, Mapping[int, int]]]:
    return list(tables.items())


def assert_table(
    spaces: Mapping[str, ClassMap], ids: Mapping[int, str], name: str, expected: Mapping[int, int]
) -> None:
    found = find_space(spaces, name).table(ids)
    assert found.dtype == np.uint8
    assert {id: int(found[id]) for id in range(256) if found[id] != 255} == expected


@pytest.mark.parametrize(("name", "expected"), cases(CITYSCAPES))
def test_cityscapes(name: str, expected: Mapping[int, int]) -> None:
    assert_table(CITYSCAPES_SPACES, CITYSCAPES_IDS, name, expected)


@pytest.mark.parametrize(("name", "expected"), cases(SYNTHIA))
def test_synthia(name: str, expected: Mapping[int, int]) -> None:
    assert_table(SYNTHIA_SPACES, SYNTHIA_IDS, name, expected)


@pytest.mark.parametrize(("name", "expected"), cases(VKITTI2))
def test_vkitti2(name: str, expected: Mapping[int, int]) -> None:
    assert_table(VKITTI2_SPACES, VKITTI2_IDS, name, expected)


def test_colours_are_those_of_the_benchmark() -> None:
    labels = CITYSCAPES_16.labels
    assert labels.colours[labels.names.index("road")] == (128, 64, 128)
    assert labels.colours[labels.names.index("bicycle")] == (119, 11, 32)
    assert len(set(CITYSCAPES_19.labels.colours)) == 19


def test_taskonomy_has_its_classes_in_the_order_of_its_codes() -> None:
    names = TASKONOMY_17.labels.names
    # Code 1 is background, 9 tv, 17 vase; train ids are one less.
    assert (len(names), names[0], names[8], names[16]) == (17, "background", "tv", "vase")


def test_from_one_space_to_a_coarser_one() -> None:
    coarse = between(CITYSCAPES_19, CITYSCAPES_16)
    # terrain 9, truck 14 and train 16 have no place among the 16.
    assert coarse[:19].tolist() == [*range(9), 255, 9, 10, 11, 12, 255, 13, 255, 14, 15]
    assert (coarse[19:] == 255).all()
    assert between(CITYSCAPES_19, VKITTI2_8)[[13, 14, 15]].tolist() == [7, 7, 7]
    assert between(CITYSCAPES_19, VKITTI2_8_STRICT)[[13, 14, 15]].tolist() == [7, 255, 7]
    # Trees are vegetation (8), vans are cars (13); Misc (10) and GuardRail (6) have no place.
    own = VKITTI2_14.labels.names
    found = dict(zip(own, between(VKITTI2_14, CITYSCAPES_19).tolist(), strict=False))
    assert (found["tree"], found["van"], found["misc"]) == (8, 13, 255)


@pytest.mark.parametrize("coarse", [CITYSCAPES_16, CITYSCAPES_13, VKITTI2_8, VKITTI2_8_STRICT])
def test_predictions_of_19_classes_meet_labels_read_in_fewer(coarse: LabelSpace) -> None:
    """To map what was read in 19 classes is to read in fewer, for every id of Cityscapes."""
    fine = CITYSCAPES_SPACES["cityscapes_19"].table(CITYSCAPES_IDS)
    mapped = between(CITYSCAPES_19, coarse)[fine]
    np.testing.assert_array_equal(mapped, CITYSCAPES_SPACES[coarse.name].table(CITYSCAPES_IDS))


def test_from_19_classes_to_seven_groups() -> None:
    # In the order of the 19: road, sidewalk; building, wall, fence; pole, light, sign; vegetation,
    # terrain; sky; person, rider; car, truck, bus, train, motorcycle, bicycle.
    ctrl = [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 6, 6, 6, 6, 6, 6]
    assert between(CITYSCAPES_19, CTRL_7)[:19].tolist() == ctrl
    lost = {3, 9, 12, 14, 15, 16, 17}  # what DenseMTL has not
    densemtl = [255 if place in lost else group for place, group in enumerate(ctrl)]
    assert between(CITYSCAPES_19, DENSEMTL_7)[:19].tolist() == densemtl
    # Of the 8: road, building, pole, light, sign, vegetation, sky, vehicle.
    assert between(VKITTI2_8, CTRL_7)[:8].tolist() == [0, 1, 2, 2, 2, 3, 4, 6]
    # Of the 14: tree (2) and vegetation (3), truck (11), car (12), van (13).
    assert between(VKITTI2_14, CTRL_7)[[2, 3, 11, 12, 13]].tolist() == [3, 3, 6, 6, 6]
    assert between(VKITTI2_14, DENSEMTL_7)[[2, 3, 11, 12, 13]].tolist() == [3, 3, 255, 6, 6]


def test_a_space_is_mapped_to_itself_as_it_is() -> None:
    np.testing.assert_array_equal(between(CITYSCAPES_13, CITYSCAPES_13)[:13], np.arange(13))


def test_exceptions_go_where_they_are_sent() -> None:
    names = ["cat", "dog", "fox"]
    own, ids = {name: name for name in names}, dict(enumerate(names))
    animals = LabelSpace("animals", Labels.spread(["wild", "dog"]))
    maps = class_maps([animals], own)
    assert maps["animals"].table(ids)[:3].tolist() == [255, 1, 255]
    maps = class_maps([animals], own, {"animals": {"fox": "wild", "dog": None}})
    assert maps["animals"].table(ids)[:3].tolist() == [255, 255, 0]


def test_table_of_ids_beyond_a_byte() -> None:
    pets = LabelSpace("pets", Labels.spread(["cat", "dog"]))
    found = ClassMap(pets, {"hound": "dog", "cat": "cat"}).table({894: "hound", 3: "cat"}, 895)
    assert len(found) == 895
    assert (found[894], found[3], found[0]) == (1, 0, 255)


def test_unknown_space_is_named() -> None:
    with pytest.raises(ValueError, match=r"`label_space`.*cityscapes_19.*found 'city'"):
        find_space(CITYSCAPES_SPACES, "city")
