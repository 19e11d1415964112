from dataclasses import replace

import numpy as np
import pytest

from datamodules.rendering import DAY, DUSK, ROOM_CLASSES
from datamodules.writing.views import Calibration, Views

FLOOR = [name for name, _ in ROOM_CLASSES].index("floor")
# Different focal lengths and a centre that is off by far: a mix-up of any two shows.
ODD = Calibration((50.0, 40.0), (25.0, 30.0), (48, 64))


@pytest.fixture
def views() -> Views:
    return Views("some", "room", ODD, (48, 64), 0, DAY)


def test_a_calibration_scales_with_the_image() -> None:
    assert ODD.at((24, 128)) == (100.0, 20.0, 50.0, 15.0)


def test_frames_carry_the_calibration(views: Views) -> None:
    assert views("train", 0).camera == (50.0, 40.0, 25.0, 30.0)
    assert replace(views, size=(24, 32))("train", 0).camera == (25.0, 20.0, 12.5, 15.0)


@pytest.mark.parametrize("index", range(3))
def test_what_is_seen_is_seen_through_that_camera(views: Views, index: int) -> None:
    frame = views("train", index)
    fx, fy, cx, cy = frame.camera
    x = (np.arange(64) + 0.5 - cx) / fx
    y = (np.arange(48)[:, None] + 0.5 - cy) / fy
    points = frame.depth[..., None] * np.stack(np.broadcast_arrays(x, y, 1.0), axis=-1)
    height = (points * frame.normals).sum(axis=-1)[frame.segmentation == FLOOR]
    # The floor is a plane: all its points have one distance from the camera along its normal.
    assert len(height) > 100
    assert np.ptp(height) < 1e-3
    assert -1.9 < height.mean() < -1.2  # the camera's height above it


def test_without_a_calibration_every_scene_has_its_own_field(views: Views) -> None:
    free = replace(views, calibration=None)
    first, second = free("train", 0).camera, free("train", 1).camera
    assert first[2:] == second[2:] == (32, 24)
    assert first[0] != second[0]


def test_a_view_depends_on_seed_dataset_split_and_index(views: Views) -> None:
    first = views("train", 0)
    drawn = Views.__call__.__wrapped__  # past the tests' cache
    np.testing.assert_array_equal(drawn(views, "train", 0).image, drawn(views, "train", 0).image)
    # What a process draws, another one goes on with.
    assert views.random("train", 0).integers(2**31) == 982795392
    others = [
        views("train", 1),
        views("val", 0),
        replace(views, seed=1)("train", 0),
        replace(views, key="other")("train", 0),
    ]
    for other in others:
        assert (other.depth != first.depth).mean() > 0.5


def test_a_look_changes_the_image_alone(views: Views) -> None:
    day, dusk = views("train", 0), replace(views, look=DUSK)("train", 0)
    np.testing.assert_array_equal(day.depth, dusk.depth)
    assert (day.image != dusk.image).mean() > 0.5
