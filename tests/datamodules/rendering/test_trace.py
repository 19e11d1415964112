"""Hand-placed scenes: depth, normals and shadows where they can be worked out."""

from math import pi

import numpy as np
import pytest

from datamodules.rendering.bodies import Body, Plane, body
from datamodules.rendering.camera import Camera, unit
from datamodules.rendering.lights import Lamp, Light, Sun
from datamodules.rendering.looks import DAY
from datamodules.rendering.materials import Material
from datamodules.rendering.primitives import BOX, SPHERE, Solid, Torus
from datamodules.rendering.shade import Scene, render
from datamodules.rendering.trace import SKY, trace

GREY = Material((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
FLOOR = Plane(np.array([0.0, 0.0, 1.0]), 0.0, np.array([1.0, 0.0, 0.0]), GREY)
# At the height of 2 m, looking along y: with an odd size, the middle pixel's ray is the axis.
LEVEL = Camera.look_at(np.array([0.0, 0.0, 2.0]), np.array([0.0, 1.0, 2.0]), pi / 2)
SIZE = (33, 33)


@pytest.mark.parametrize(("solid", "depth"), [(SPHERE, 4.5), (BOX, 4.5)], ids=["sphere", "box"])
def test_depth_and_normal_in_the_middle(solid: Solid, depth: float) -> None:
    # The body's centre is 5 m ahead and it reaches 0.5 m towards the camera.
    item = body(solid, (0.0, 5.0, 2.0), (1.0, 0.5, 1.0), GREY)
    buffer = trace(LEVEL, [FLOOR], [item], SIZE)
    assert buffer.surface[16, 16] == 1
    assert buffer.depth[16, 16] == pytest.approx(depth, abs=1e-5)
    np.testing.assert_allclose(buffer.normals[:, 16, 16], [0, 0, -1], atol=1e-5)


def test_floor_worked_by_hand() -> None:
    # 90 degrees over 33 pixels: focal length 16.5. The centre of the lowest row is 16 pixels
    # below the axis, so the floor 2 m below is met at a depth of 2 · 16.5 / 16 m.
    buffer = trace(LEVEL, [FLOOR], [], SIZE)
    assert buffer.depth[32, 16] == pytest.approx(2 * 16.5 / 16, rel=1e-5)
    np.testing.assert_allclose(buffer.normals[:, 32, 16], [0, -1, 0], atol=1e-6)
    assert (buffer.surface[:17] == SKY).all()
    assert (buffer.surface[17:] == 0).all()


def test_depth_is_along_the_axis_not_along_the_ray() -> None:
    wall = body(BOX, (0.0, 6.0, 2.0), (50.0, 1.0, 50.0), GREY)
    buffer = trace(LEVEL, [], [wall], SIZE)
    np.testing.assert_allclose(buffer.depth, 5.0, atol=1e-4)


def test_the_nearer_body_hides_the_farther_one_in_any_order() -> None:
    near = body(SPHERE, (0.0, 3.0, 2.0), (0.5, 0.5, 0.5), GREY)
    far = body(BOX, (0.0, 6.0, 2.0), (1.0, 1.0, 1.0), GREY)
    first, second = (trace(LEVEL, [FLOOR], bodies, SIZE) for bodies in ([near, far], [far, near]))
    np.testing.assert_array_equal(first.depth, second.depth)
    assert first.depth[16, 16] == pytest.approx(2.5)


@pytest.mark.parametrize("solid", [SPHERE, BOX, Torus(0.3)], ids=["sphere", "box", "torus"])
def test_the_window_cuts_nothing_off(solid: Solid) -> None:
    # The same picture as when every ray is met with the body.
    camera = Camera.look_at(np.array([0.3, 0.0, 1.0]), np.array([1.0, 2.0, 0.8]), 1.5, 0.3)
    item = body(solid, (1.2, 1.6, 0.9), (0.5, 0.5, 0.5), GREY)
    buffer = trace(camera, [], [item], SIZE)
    rays = np.stack([*np.meshgrid(buffer.columns, buffer.rows), np.ones(SIZE, np.float32)])
    seen = buffer.seen[0]
    direction = np.einsum("ij,jhw->ihw", seen.matrix, rays)
    enter, leave = solid.span(seen.offset[:, None, None], direction)
    np.testing.assert_array_equal(buffer.surface == 0, (enter <= leave) & (enter > 0))
    assert (buffer.surface == 0).any()


def test_bodies_behind_the_camera_are_not_seen() -> None:
    behind = body(SPHERE, (0.0, -3.0, 2.0), (1.0, 1.0, 1.0), GREY)
    assert (trace(LEVEL, [], [behind], SIZE).surface == SKY).all()


def _brightness(bodies: list[Body], light: Light) -> np.ndarray:
    camera = Camera.look_at(np.array([0.0, -4.0, 2.0]), np.array([0.0, 0.0, 0.0]), 1.0)
    scene = Scene(camera, light, DAY, [FLOOR], bodies)
    buffer, image = render(scene, SIZE, np.random.default_rng(0))
    return np.where(buffer.surface == 0, image.mean(-1), np.nan)


@pytest.mark.parametrize(
    "light",
    [Sun(np.array([0.0, 0.0, 1.0])), Lamp(np.array([0.0, 0.0, 4.0]), 4.0)],
    ids=["sun", "lamp"],
)
def test_the_floor_under_a_hovering_ball_is_darker(light: Light) -> None:
    ball = body(SPHERE, (0.0, 0.0, 1.5), (0.4, 0.4, 0.4), GREY)
    without, beneath = _brightness([], light), _brightness([ball], light)
    # The camera looks at the origin, right under the ball.
    assert beneath[16, 16] < 0.8 * without[16, 16]
    # Far from it, nothing changes.
    assert beneath[30, 2] == pytest.approx(without[30, 2], abs=1)


@pytest.mark.parametrize("point", [True, False], ids=["lamp", "sun"])
def test_shadows_agree_with_rays_to_every_body(point: bool) -> None:
    """No pixel is skipped by the light's cone that a full test would darken."""
    towards = unit(np.array([0.5, -0.4, 0.9]))
    light: Light = Lamp(towards * 4, 4.0) if point else Sun(towards)
    bodies = [
        body(BOX, (-0.5, 0.3, 0.4), (0.3, 0.3, 0.4), GREY),
        body(SPHERE, (0.5, 0.5, 0.9), (0.4, 0.4, 0.4), GREY),
        body(Torus(0.3), (0.2, -0.6, 0.5), (0.5, 0.5, 0.5), GREY),
    ]
    camera = Camera.look_at(np.array([0.0, -4.0, 3.0]), np.array([0.0, 0.0, 0.0]), 1.0)
    buffer = trace(camera, [FLOOR], bodies, SIZE)
    floor = buffer.surface == 0
    points = buffer.points()[:, floor]
    placed = light.seen_by(camera)
    casters = list(enumerate(buffer.seen, start=1))
    dark = placed.blocked(points, buffer.surface[floor], casters)
    expected = np.zeros_like(dark)
    for seen in buffer.seen:
        way, _ = placed.arrives(points)
        if point:
            way = placed.position.astype(np.float32)[:, None] - points  # type: ignore[attr-defined]
        start = seen.matrix @ points + seen.offset[:, None]
        enter, leave = seen.body.solid.span(start, seen.matrix @ np.broadcast_to(way, points.shape))
        # Seen from the floor the lamp is at t = 1.
        expected |= (enter <= leave) & (leave > 0) & (enter < (1 if point else np.inf))
    assert dark.any()
    assert not dark.all()
    assert np.mean(dark != expected) < 0.01
