"""Rays against solids, beside a reference that walks along each ray in small steps."""

from collections.abc import Callable

import numpy as np
import pytest

from datamodules.rendering.primitives import (
    BOX,
    CONE,
    CYLINDER,
    PRISM,
    PYRAMID,
    SPHERE,
    Convex,
    Frustum,
    Solid,
    Torus,
    dot,
)

RING = Torus(0.3)
TAPER = Frustum(0.4, 1.0)


def _round(bottom: float, top: float) -> Callable[[np.ndarray], np.ndarray]:
    def inside(p: np.ndarray) -> np.ndarray:
        radius = bottom + (top - bottom) * (p[2] + 1) / 2
        return (np.abs(p[2]) <= 1) & (np.hypot(p[0], p[1]) <= radius)

    return inside


INSIDE: dict[Solid, Callable[[np.ndarray], np.ndarray]] = {
    BOX: lambda p: np.abs(p).max(0) <= 1,
    SPHERE: lambda p: (p**2).sum(0) <= 1,
    CYLINDER: _round(1.0, 1.0),
    CONE: _round(1.0, 0.0),
    TAPER: _round(0.4, 1.0),
    # At height z the pyramid's half width is (1 - z) / 2; the roof is as wide, and runs along y.
    PYRAMID: lambda p: (p[2] >= -1) & (np.maximum(np.abs(p[0]), np.abs(p[1])) <= (1 - p[2]) / 2),
    PRISM: lambda p: (p[2] >= -1) & (np.abs(p[1]) <= 1) & (np.abs(p[0]) <= (1 - p[2]) / 2),
    RING: lambda p: (np.hypot(p[0], p[1]) - 0.7) ** 2 + p[2] ** 2 <= 0.3**2,
}
NAMES = ["box", "sphere", "cylinder", "cone", "frustum", "pyramid", "prism", "torus"]
STEP = 0.01


def _rays(count: int = 200, far: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Rays from a sphere of radius `far` towards points in the unit cube, of length 1."""
    rng = np.random.default_rng(0)
    origin = rng.standard_normal((3, count))
    origin *= far / np.linalg.norm(origin, axis=0)
    direction = rng.uniform(-1, 1, (3, count)) - origin
    direction /= np.linalg.norm(direction, axis=0)
    return origin.astype(np.float32), direction.astype(np.float32)


@pytest.mark.parametrize("solid", INSIDE, ids=NAMES)
def test_span_agrees_with_small_steps(solid: Solid) -> None:
    origin, direction = _rays()
    enter, leave = solid.span(origin, direction)
    steps = np.arange(0, 6, STEP)
    walked = INSIDE[solid](origin[..., None] + direction[..., None] * steps)
    met = walked.any(1)
    assert met.sum() > 20
    first = steps[walked.argmax(1)]
    # Sphere tracing gives up on a few rays that graze a ring.
    found = enter <= leave
    assert found[met].mean() >= (0.98 if isinstance(solid, Torus) else 1)
    met &= found
    np.testing.assert_allclose(enter[met], first[met], atol=1.5 * STEP)
    if not isinstance(solid, Torus):  # Of a ring only the entry is known.
        last = steps[walked.shape[1] - 1 - walked[:, ::-1].argmax(1)]
        np.testing.assert_allclose(leave[met], last[met], atol=1.5 * STEP)
        # What the walk stepped over is at most a step long.
        assert ((leave - enter)[~met] < STEP).all()
    else:
        assert np.mean((enter <= leave)[~met]) < 0.05


@pytest.mark.parametrize("solid", INSIDE, ids=NAMES)
def test_normals_point_outwards_and_against_the_ray(solid: Solid) -> None:
    origin, direction = _rays()
    enter, leave = solid.span(origin, direction)
    hit = leave - enter > (-1 if isinstance(solid, Torus) else 0.05)
    hit &= enter <= leave
    point = (origin + enter * direction)[:, hit]
    normal = solid.normal(point)
    normal = normal / np.sqrt(dot(normal, normal))
    assert np.isfinite(normal).all()
    assert (dot(normal, direction[:, hit]) < 0.02).all()
    assert INSIDE[solid](point - 0.02 * normal).mean() > 0.98
    assert not INSIDE[solid](point + 0.02 * normal).any()


def test_convex_and_box_agree() -> None:
    axes = np.eye(3).tolist()
    planes = tuple((a, b, c) for a, b, c in [*axes, *(-np.eye(3)).tolist()])
    cube = Convex(planes, (1.0,) * 6)
    origin, direction = _rays()
    for ours, reference in zip(
        cube.span(origin, direction), BOX.span(origin, direction), strict=True
    ):
        met = np.subtract(*BOX.span(origin, direction)) < 0
        np.testing.assert_allclose(ours[met], reference[met], atol=1e-4)


@pytest.mark.parametrize("solid", [SPHERE, CYLINDER, CONE], ids=["sphere", "cylinder", "cone"])
def test_far_origins_lose_no_precision(solid: Solid) -> None:
    # Seen from 400 radii away, as a thin pole in a street is.
    origin, direction = _rays(far=400.0)
    enter, leave = solid.span(origin, direction)
    hit = leave - enter > 0.1
    point = (origin.astype(float) + enter.astype(float) * direction.astype(float))[:, hit]
    normal = solid.normal(point.astype(np.float32))
    normal = normal / np.linalg.norm(normal, axis=0)
    assert INSIDE[solid](point - 2e-3 * normal).all()
    assert not INSIDE[solid](point + 2e-3 * normal).any()


@pytest.mark.parametrize("solid", INSIDE, ids=NAMES)
def test_reach_and_half_bound_the_solid(solid: Solid) -> None:
    scale = np.array([0.5, 0.5, 0.5])
    points = np.random.default_rng(0).uniform(-1, 1, (3, 4000))
    inside = points[:, INSIDE[solid](points)] * 0.5
    assert np.linalg.norm(inside, axis=0).max() <= solid.reach(scale)
    assert (np.abs(inside).max(1) <= solid.half * scale).all()


def test_rays_along_the_axes_worked_by_hand() -> None:
    # From (0, 0, 5) downwards: the ray meets the sphere, the box and the cylinder at z = 1 and
    # leaves them at z = -1; t counts from 5.
    origin = np.array([[0.0], [0.0], [5.0]], np.float32)
    direction = np.array([[0.0], [0.0], [-1.0]], np.float32)
    for solid in (SPHERE, BOX, CYLINDER):
        enter, leave = solid.span(origin, direction)
        assert (enter.item(), leave.item()) == pytest.approx((4.0, 6.0))
    # Sideways at z = 0 the cone's radius is one half.
    origin = np.array([[3.0], [0.0], [0.0]], np.float32)
    direction = np.array([[-1.0], [0.0], [0.0]], np.float32)
    enter, leave = CONE.span(origin, direction)
    assert (enter.item(), leave.item()) == pytest.approx((2.5, 3.5))
    enter, _ = RING.span(origin, direction)
    assert enter.item() == pytest.approx(2.0, abs=1e-3)
