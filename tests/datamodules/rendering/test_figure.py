from math import pi

import numpy as np
import pytest

from datamodules.rendering.figure import PARTS, along, figure, limb, swung
from datamodules.rendering.materials import Material

GREY = Material((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize("seed", range(5))
def test_a_figure_stands_on_the_ground_with_all_its_parts(seed: int) -> None:
    bodies = figure(np.random.default_rng(seed), first=20)
    assert {part.category for part in bodies} == set(range(20, 20 + len(PARTS)))
    low = min(part.position[2] - part.extent()[2] for part in bodies)
    high = max(part.position[2] + part.extent()[2] for part in bodies)
    assert low == pytest.approx(0)
    assert 1.5 < high < 1.9
    heights = [
        np.mean([part.position[2] for part in bodies if part.category == 20 + number])
        for number in range(len(PARTS))
    ]
    head, torso, _, _, thigh, shin = heights
    assert head > torso > thigh > shin


def test_one_seed_one_pose() -> None:
    first, second, other = (figure(np.random.default_rng(seed), 0) for seed in (1, 1, 2))
    assert all((a.position == b.position).all() for a, b in zip(first, second, strict=True))
    assert not all((a.position == b.position).all() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_z_is_turned_along_the_axis_by_a_rotation(seed: int) -> None:
    axis = np.random.default_rng(seed).standard_normal(3)
    axis /= np.linalg.norm(axis)
    rotation = along(axis)
    np.testing.assert_allclose(rotation @ [0, 0, 1], axis, atol=1e-12)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_a_limb_reaches_from_joint_to_joint() -> None:
    start, end = np.array([1.0, 2.0, 3.0]), np.array([1.5, 1.0, 2.0])
    tube, ball = limb(start, end, (0.2, 0.1), GREY, 3)
    for place, joint in ((-1, start), (1, end)):
        point = tube.rotation @ (tube.scale * [0, 0, place]) + tube.position
        np.testing.assert_allclose(point, joint, atol=1e-12)
    assert (tube.solid.bottom, tube.solid.top) == (1.0, 0.5)  # thick at the start
    assert tube.scale[0] == 0.2
    np.testing.assert_allclose(ball.position, end)
    assert {tube.category, ball.category} == {3}


def test_limbs_swing_to_the_front_and_to_the_side() -> None:
    np.testing.assert_allclose(swung(0.0, 0.0), [0, 0, -1])
    np.testing.assert_allclose(swung(pi / 2, 0.0), [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(swung(0.0, pi / 2), [1, 0, 0], atol=1e-12)
    assert np.linalg.norm(swung(0.3, -1.1)) == pytest.approx(1)
