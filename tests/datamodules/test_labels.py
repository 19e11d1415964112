import pytest

from datamodules.labels import Labels


def test_one_colour_per_class() -> None:
    with pytest.raises(ValueError, match=r"`colours`.*2 names, 1 colours"):
        Labels(("wall", "floor"), ((0, 0, 0),))


def test_ids_must_stay_below_the_ignored_one() -> None:
    with pytest.raises(ValueError, match="found 256"):
        Labels.spread([str(i) for i in range(256)])


def test_spread_gives_each_class_its_own_colour() -> None:
    labels = Labels.spread(["cube", "sphere", "cone"])
    assert labels.names == ("cube", "sphere", "cone")
    assert len(set(labels.colours)) == 3
    # The first hue is 0, red: value 0.9 in red, and 0.9 * (1 - 0.7) = 0.27 in green and blue.
    assert labels.colours[0] == (round(0.9 * 255), round(0.27 * 255), round(0.27 * 255))


def test_members_are_of_classes_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"`members`.*found \['vehicle'\]"):
        Labels(("road",), ((0, 0, 0),), {"vehicle": ("car",)})
