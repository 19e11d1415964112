import numpy as np

from datamodules.nyudv2.classes import NYU_13, NYU_40, NYU_SPACES, train_ids, train_ids_of_raw
from tests.fakes.spaces import between

FORTY, THIRTEEN = NYU_SPACES["nyu_40"], NYU_SPACES["nyu_13"]

# `labels13` of `class13Mapping.mat`: the id 1..13 of each id 1..40.
LABELS_13 = (
    *(12, 5, 6, 1, 4, 9, 10, 12, 13, 6, 8, 6, 13, 10, 6, 13, 6, 7, 7, 5),
    *(7, 3, 2, 6, 11, 7, 7, 7, 7, 7, 7, 6, 7, 7, 7, 7, 7, 7, 6, 7),
)


def test_forty_classes_keep_their_order() -> None:
    names = NYU_40.labels.names
    assert len(names) == 40
    # Ids count from 1: 4 bed, 24 refrigerator, 38 to 40 the three kinds of "other".
    assert (names[3], names[23]) == ("bed", "refrigerator")
    assert names[37:] == ("otherstructure", "otherfurniture", "otherprop")
    assert train_ids(FORTY).tolist() == [255, *range(40)]


def test_thirteen_classes_are_those_of_the_published_table() -> None:
    assert len(NYU_13.labels.names) == 13
    assert train_ids(THIRTEEN).tolist() == [255, *(number - 1 for number in LABELS_13)]


def test_predictions_in_forty_can_be_scored_in_thirteen() -> None:
    expected = [number - 1 for number in LABELS_13]
    assert between(NYU_40, NYU_13)[:40].tolist() == expected


def test_taskonomys_things_are_found_by_what_they_are() -> None:
    ids = train_ids(NYU_SPACES["taskonomy_17"])
    # In NYU's 40: 0 unlabelled, 1 wall, 5 chair, 6 sofa, 7 table, 25 television, 40 otherprop. In
    # Taskonomy: 0 background, 2 chair, 3 couch, 6 dining table, 8 tv. A vase is an otherprop.
    assert ids[[0, 1, 5, 6, 7, 25, 40]].tolist() == [255, 0, 2, 3, 6, 8, 255]


def test_raw_names_fall_into_forty() -> None:
    table = train_ids_of_raw(FORTY)
    assert table.shape == (895,)
    assert table[0] == 255
    # From `allClassName`: 21 wall, 11 floor, 4 ceiling, 157 bed, 5 chair, 1 book, 172 television;
    # 20 is "unknown", which counts as otherprop.
    assert (table[[21, 11, 4, 157, 5, 1, 172, 20]] + 1).tolist() == [1, 2, 22, 4, 5, 40, 25, 40]
    # One name for each class up to 37, 68, 82 and 707 for the three kinds of "other".
    assert np.bincount(table[1:], minlength=40).tolist() == [1] * 37 + [68, 82, 707]


def test_raw_names_fall_into_thirteen_by_way_of_forty() -> None:
    forty = train_ids_of_raw(FORTY)[1:]
    expected = np.array(LABELS_13)[forty] - 1
    np.testing.assert_array_equal(train_ids_of_raw(THIRTEEN)[1:], expected)


def test_colours_differ_and_are_those_of_the_usual_palette() -> None:
    colours = NYU_40.labels.colours
    # PASCAL VOC's 1, 2, 3 and 8: the lowest bits of the number are the highest of R, G and B, the
    # next three come below them.
    assert colours[:3] == ((128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert colours[7] == (64, 0, 0)
    assert len(set(colours)) == 40
