"""Object-centred views: labels, balance, and things that are really there."""

import numpy as np
import pytest

from datamodules.rendering import COLOURS, MATERIALS, SHAPES, ObjectView, object_view
from datamodules.rendering.camera import turn
from datamodules.rendering.materials import Material
from datamodules.rendering.objects import coat
from datamodules.rendering.shapes import assemble

GREY = Material((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def test_one_seed_one_view() -> None:
    first, second, other = (object_view(np.random.default_rng(s), (32, 40)) for s in (4, 4, 5))
    np.testing.assert_array_equal(first.image, second.image)
    assert (first.shape, first.material, first.colour) == (
        second.shape,
        second.material,
        second.colour,
    )
    assert not np.array_equal(first.image, other.image)
    assert (first.image.shape, first.image.dtype) == ((32, 40, 3), np.uint8)


def test_labels_do_not_depend_on_the_size() -> None:
    small, large = (object_view(np.random.default_rng(9), size) for size in ((8, 8), (24, 24)))
    assert (small.shape, small.material, small.colour) == (
        large.shape,
        large.material,
        large.colour,
    )


@pytest.fixture(scope="module")
def views() -> list[ObjectView]:
    return [object_view(np.random.default_rng([1, seed]), (8, 8)) for seed in range(160)]


def test_every_label_occurs(views: list[ObjectView]) -> None:
    assert {view.shape for view in views} == set(range(len(SHAPES)))
    assert {view.material for view in views} == set(range(len(MATERIALS)))
    assert {view.colour for view in views} == set(range(len(COLOURS)))


def test_there_are_enough_labels() -> None:
    assert (len(set(SHAPES)), len(set(MATERIALS)), len(set(COLOURS))) == (25, 6, 8)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("tilt", [0.0, 0.7])
def test_shapes_have_one_size_and_stand_on_the_floor(name: str, tilt: float) -> None:
    parts = assemble(name, np.random.default_rng(0), GREY, turn(0.4, tilt))
    low = np.min([part.position - part.extent() for part in parts], axis=0)
    high = np.max([part.position + part.extent() for part in parts], axis=0)
    assert low[2] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose((low + high)[:2], 0, atol=1e-9)
    assert np.linalg.norm(high - low) == pytest.approx(2)


@pytest.mark.parametrize("material", MATERIALS)
@pytest.mark.parametrize("colour", COLOURS)
def test_coats_have_the_colour_that_they_are_named_for(material: str, colour: str) -> None:
    red, green, blue = coat(np.random.default_rng(0), material, colour).colour
    strongest = {
        "red": red > 3 * max(green, blue),
        "orange": red > green > 3 * blue,
        "yellow": min(red, green) > 3 * blue,
        "green": green > 2 * max(red, blue),
        "cyan": min(green, blue) > 3 * red,
        "blue": blue > 2 * max(red, green),
        "purple": min(red, blue) > 2 * green,
        "white": max(red, green, blue) < 1.05 * min(red, green, blue),
    }
    assert strongest[colour]


def test_colour_statistics_do_not_tell_the_shape(views: list[ObjectView]) -> None:
    """A nearest-mean classifier on mean colours stays near chance."""
    means = np.array([view.image.reshape(-1, 3).mean(0) for view in views])
    shapes = np.array([view.shape for view in views])
    train, test = slice(0, 110), slice(110, 160)
    centres = np.array([means[train][shapes[train] == k].mean(0) for k in np.unique(shapes[train])])
    guesses = np.unique(shapes[train])[
        np.argmin(((means[test, None] - centres) ** 2).sum(-1), axis=1)
    ]
    assert np.mean(guesses == shapes[test]) < 0.2  # chance is 0.04
