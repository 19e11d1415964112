import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.derive import (
    NORMALS_FROM_DEPTH,
    SOBEL_EDGES,
    Derive,
    Reserve,
    normals_from_depth,
)
from datamodules.edges import sobel_edges
from datamodules.geometry import Joint, Pad, Resize

CAMERA = np.float32([60, 50, 20, 14])
SIZE = (24, 32)
# OpenCV rounds the last bit differently in arrays that lie differently in memory.
ROUNDING = 1e-6


def rays(camera: np.ndarray = CAMERA, size: tuple[int, int] = SIZE) -> np.ndarray:
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]] + 0.5
    x, y = (columns - camera[2]) / camera[0], (rows - camera[3]) / camera[1]
    return np.dstack([x, y, np.ones(size)])


def plane(normal: np.ndarray, offset: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Depth of the plane n · P = -offset, NaN where it lies behind the camera."""
    towards = rays(size=size) @ normal
    return np.where(towards < -0.05, -offset / np.minimum(towards, -0.05), np.nan).astype("float32")


def known(normals: np.ndarray) -> np.ndarray:
    return ~np.isnan(normals).any(axis=2)


@given(st.floats(0, 6.28), st.floats(0, 1.2), st.floats(0.5, 100), st.sampled_from([1, 2]))
def test_planes_have_their_normal_everywhere(
    turn: float, tilt: float, offset: float, radius: int
) -> None:
    normal = np.array([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), -np.cos(tilt)])
    depth = plane(normal, offset)
    normals = normals_from_depth(depth, CAMERA, radius)
    found = known(normals)
    # 1.2 radians beside the optical axis most of the plane is seen, by a camera of 30 degrees.
    assert found.sum() > 0.3 * depth.size
    np.testing.assert_allclose(normals[found], np.broadcast_to(normal, (found.sum(), 3)), atol=2e-3)


def test_floor_and_facing_wall_by_hand() -> None:
    # A floor 1.5 m below the camera: y = 1.5, so z = 1.5 * fy / (v - cy). Up is -y.
    rows = np.arange(15, 24) + 0.5
    floor = np.repeat((1.5 * 50 / (rows - 14))[:, None], 32, axis=1).astype(np.float32)
    below = CAMERA - np.float32([0, 0, 0, 15])
    # Rows near the horizon bend as every plane does: not at all in inverse depth.
    normals = normals_from_depth(floor, below)
    np.testing.assert_allclose(
        normals[1:-1, 1:-1], np.broadcast_to([0, -1, 0], (7, 30, 3)), atol=1e-3
    )
    wall = np.full(SIZE, 4, np.float32)
    # A wall that faces the camera is flat in the image: z points back at it.
    np.testing.assert_array_equal(normals_from_depth(wall, CAMERA)[5, 5], [0, 0, -1])


def test_curved_surface_within_its_curvature() -> None:
    rng = rays(size=(96, 96), camera=np.float32([200, 200, 48, 48]))
    centre, radius = np.array([0, 0, 5.0]), 2.0
    # The ray's parameter t = z, since its third component is 1.
    along, length = rng @ centre, (rng**2).sum(axis=2)
    depth = (along - np.sqrt(along**2 - length * (centre @ centre - radius**2))) / length
    expected = (rng * depth[..., None] - centre) / radius
    normals = normals_from_depth(depth.astype(np.float32), np.float32([200, 200, 48, 48]))
    cosine = (normals * expected).sum(axis=2)[1:-1, 1:-1]
    # A pixel is 3 m / 200 = 1.5 cm, or 0.4 degrees of the sphere.
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 0.4


@given(st.integers(0, 2**32 - 1))
def test_every_normal_faces_the_camera_and_has_length_one(seed: int) -> None:
    rough = np.random.default_rng(seed).uniform(1, 1.5, SIZE).astype(np.float32)
    normals = normals_from_depth(rough, CAMERA, gap=np.inf)
    found = known(normals)
    assert found[1:-1, 1:-1].all()
    np.testing.assert_allclose(np.linalg.norm(normals[found], axis=1), 1, atol=1e-5)
    assert ((normals * rays()).sum(axis=2)[found] < 0).all()


def test_a_scene_twice_as_large_and_far_has_the_same_normals() -> None:
    depth = plane(np.array([0.6, 0, -0.8]), 3)
    np.testing.assert_allclose(
        normals_from_depth(depth, CAMERA), normals_from_depth(2 * depth, CAMERA), atol=1e-5
    )


@pytest.mark.parametrize("radius", [1, 2])
def test_unknown_depth_and_the_border_make_the_window_unknown(radius: int) -> None:
    depth = plane(np.array([0.0, -0.6, -0.8]), 3)
    depth[12, 20] = np.nan
    expected = np.ones(SIZE, bool)
    expected[radius:-radius, radius:-radius] = False
    expected[12 - radius : 13 + radius, 20 - radius : 21 + radius] = True
    np.testing.assert_array_equal(~known(normals_from_depth(depth, CAMERA, radius)), expected)


@pytest.mark.parametrize("radius", [1, 2])
@pytest.mark.parametrize("axis", [0, 1])
def test_depth_gap_is_in_no_window(radius: int, axis: int) -> None:
    depth = np.full(SIZE, 5, np.float32)
    near = [slice(None), slice(None)]
    near[axis] = slice(0, 10)
    depth[tuple(near)] = 4.0
    found = known(normals_from_depth(depth, CAMERA, radius))
    inside = found[radius:-radius, radius:-radius].all(axis=1 - axis)
    # The step is between 9 and 10: windows around 10 - radius to 9 + radius reach over it.
    count = SIZE[axis]
    expected = [not 10 - radius <= i <= 9 + radius for i in range(radius, count - radius)]
    assert inside.tolist() == expected


def test_a_small_step_is_a_slope_and_a_large_one_a_gap() -> None:
    depth = np.full(SIZE, 5, np.float32)
    depth[:, 16:] = 5.05  # 1 %
    assert known(normals_from_depth(depth, CAMERA))[1:-1, 1:-1].all()
    depth[:, 16:] = 5.2  # 4 %
    assert not known(normals_from_depth(depth, CAMERA))[1:-1, 15:17].any()


def test_depth_is_not_changed() -> None:
    depth = plane(np.array([0.6, 0, -0.8]), 3)
    depth.flags.writeable = False
    before = depth.copy()
    normals_from_depth(depth, CAMERA)
    np.testing.assert_array_equal(depth, before)


def sample(width: int = 64) -> dict:
    image = np.random.default_rng(0).integers(0, 256, (32, width, 3), np.uint8)
    depth = np.full((32, width), 3, np.float32)
    return {"image": image, "name": "a", "depth": depth, "camera": CAMERA}


BOTH = {"normals": NORMALS_FROM_DEPTH, "edges": SOBEL_EDGES}


@pytest.mark.parametrize(
    ("tasks", "keys"),
    [
        (["normals"], {"normals"}),
        (["depth", "normals"], {"depth", "normals"}),
        (["edges", "normals"], {"edges", "normals"}),
    ],
)
def test_what_was_read_for_another_task_is_dropped(tasks: list[str], keys: set[str]) -> None:
    derive = Derive({task: BOTH[task] for task in tasks if task in BOTH}, tasks)
    reserved = Reserve(tasks)(sample(), np.random.default_rng())
    assert derive(reserved, np.random.default_rng()).keys() == {"image", "name", "camera"} | keys


def test_edges_are_those_of_the_view() -> None:
    random = np.random.default_rng()
    view = Resize((16, 48))(Reserve(["edges"])(sample(), random), random)
    edges = Derive({"edges": SOBEL_EDGES}, ["edges"])(view, random)["edges"]
    np.testing.assert_allclose(edges, sobel_edges(view["image"]), atol=ROUNDING)


def test_edges_are_unknown_where_padding_could_change_them() -> None:
    random = np.random.default_rng()
    padding = Joint([Resize((32, 64)), Pad((40, 80))])
    derive = Derive({"edges": SOBEL_EDGES}, ["edges"])
    view = padding(Reserve(["edges"])(sample(), random), random)
    edges = derive(view, random)["edges"]
    other = view | {"image": view["image"].copy()}
    other["image"][32:] = 255
    other["image"][:, 64:] = 255
    np.testing.assert_allclose(derive(other, random)["edges"], edges, atol=ROUNDING)
    changed = np.abs(sobel_edges(view["image"]) - sobel_edges(other["image"])) > ROUNDING
    # 80 pixels wide: sigma 0.47, of which four make 2 pixels, and 1 for Sobel.
    expected = np.ones((40, 80), bool)
    expected[: 32 - 3, : 64 - 3] = False
    np.testing.assert_array_equal(np.isnan(edges), expected)
    assert not changed[~expected].any()
    assert changed[32 - 3, 1:61].any()  # no tighter bound would do


def test_normals_need_a_camera() -> None:
    without = {key: value for key, value in sample().items() if key != "camera"}
    with pytest.raises(ValueError, match=r"`a` has no `camera`.*Leave `normals` out"):
        Derive({"normals": NORMALS_FROM_DEPTH}, ["normals"])(without, np.random.default_rng())
