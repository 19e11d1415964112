"""The camera: upright, metric, and free of the image's size."""

from math import atan, pi

import numpy as np
import pytest

from datamodules.rendering.camera import Camera, turn

EYE = np.array([1.0, 2.0, 1.5])
AHEAD = np.array([1.0, 6.0, 1.5])


def test_what_is_higher_in_the_world_is_higher_in_the_image() -> None:
    camera = Camera.look_at(EYE, AHEAD, 1.0)
    assert camera.sees(AHEAD + np.array([0.0, 0.0, 1.0]))[1] == pytest.approx(-1.0)  # y is down
    assert camera.sees(AHEAD + np.array([1.0, 0.0, 0.0]))[0] == pytest.approx(1.0)  # east, right
    assert camera.sees(AHEAD)[2] == pytest.approx(4.0)


def test_rotation_keeps_lengths_and_hands() -> None:
    camera = Camera.look_at(EYE, np.array([3.0, -1.0, 0.2]), 1.0, roll=0.3)
    np.testing.assert_allclose(camera.rotation @ camera.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(camera.rotation) == pytest.approx(1.0)


def test_roll_lowers_the_right_side() -> None:
    # A camera rolled clockwise sees what is on its right higher up.
    camera = Camera.look_at(EYE, AHEAD, 1.0, roll=0.1)
    assert camera.sees(AHEAD + np.array([1.0, 0.0, 0.0]))[1] < 0


def test_intrinsics_worked_by_hand() -> None:
    # 90 degrees across 8 pixels: half the width over tan 45° = 4 pixels of focal length.
    camera = Camera.look_at(EYE, AHEAD, pi / 2)
    assert camera.intrinsics((6, 8)) == pytest.approx((4.0, 4.0, 4.0, 3.0))


def test_slopes_are_those_of_pixel_centres() -> None:
    camera = Camera.look_at(EYE, AHEAD, 2 * atan(1.0))
    columns, rows = camera.slopes((2, 4))
    # The focal length is 2: centres at -1.5, -0.5, 0.5 and 1.5 pixels from the axis.
    np.testing.assert_allclose(columns, [-0.75, -0.25, 0.25, 0.75], atol=1e-6)
    np.testing.assert_allclose(rows, [-0.25, 0.25], atol=1e-6)


def test_turn_about_each_axis() -> None:
    x, y, z = np.eye(3)
    np.testing.assert_allclose(turn(pi / 2) @ x, y, atol=1e-12)
    np.testing.assert_allclose(turn(0.0, pi / 2) @ z, x, atol=1e-12)
    np.testing.assert_allclose(turn(0.0, 0.0, pi / 2) @ y, z, atol=1e-12)
