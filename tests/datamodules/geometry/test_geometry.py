"""Transformed labels are the labels of the transformed scene."""

from dataclasses import replace

import numpy as np
import pytest

from datamodules.derive import normals_from_depth
from datamodules.geometry import (
    Affine,
    Geometry,
    Joint,
    Pad,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomView,
    RandomZoom,
    Resize,
    warp,
)
from datamodules.labels import IGNORE
from datamodules.rendering.camera import Camera
from datamodules.rendering.frame import Frame, frame
from datamodules.rendering.looks import DAY
from datamodules.rendering.room import WALL, room_scene
from datamodules.transforms import Sample
from tests.fakes.world import World, smooth

SIZE = (60, 90)
# Unequal focal lengths, and an optical axis off the middle: what a wrong rule would not survive.
CAMERA = (80.0, 72.0, 40.0, 33.0)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def assert_same_scene(found: Sample, expected: Sample, known: np.ndarray | None = None) -> None:
    """`found` shows the scene of `expected`, up to quantisation away from its discontinuities.

    `known` are the pixels that show a part of the source at all.
    """
    np.testing.assert_allclose(found["camera"], expected["camera"], rtol=1e-5, atol=1e-3)
    magnification = max(found["camera"][:2] / CAMERA[:2])
    known = np.ones(found["depth"].shape, bool) if known is None else known
    here = smooth(expected, known, reach=int(np.ceil(2.5 * max(1, magnification))))
    assert here.mean() > 0.1
    np.testing.assert_array_equal(found["segmentation"][here], expected["segmentation"][here])
    # Depth is interpolated within a surface: half a pixel of the floor would be up to 5 %.
    np.testing.assert_allclose(found["depth"][here], expected["depth"][here], rtol=0.005)
    cosine = (found["normals"] * expected["normals"]).sum(-1)[here]
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 4
    np.testing.assert_allclose(np.linalg.norm(found["normals"][here], axis=-1), 1, atol=1e-5)
    error = np.abs(found["image"][here].astype(float) - expected["image"][here])
    assert error.mean() < 3
    assert np.quantile(error, 0.99) < 20
    assert found["name"] == expected["name"]
    for key in ("image", "segmentation", "depth", "normals"):
        assert found[key].dtype == expected[key].dtype
        assert found[key].flags.c_contiguous


def applied(step: Geometry, seed: int = 0) -> Sample:
    return step(World().render(CAMERA, SIZE), generator(seed))


def test_resize_scales_the_camera() -> None:
    # Half as high, four thirds as wide: fy, cy and fx, cx follow; depth and normals stay.
    expected = World().render((80 * 4 / 3, 36.0, 40 * 4 / 3, 16.5), (30, 120))
    assert_same_scene(applied(Resize((30, 120))), expected)


@pytest.mark.parametrize("size", [(20, 30), (47, 71), (90, 135)])
def test_resize_to_any_size(size: tuple[int, int]) -> None:
    down, across = size[0] / 60, size[1] / 90
    camera = (80 * across, 72 * down, 40 * across, 33 * down)
    assert_same_scene(applied(Resize(size)), World().render(camera, size))


def test_flip_mirrors_the_scene_and_the_principal_point() -> None:
    # Of 90 columns, 40 left of the axis become 50.
    mirrored = World(turn=((-1.0, 0.0), (0.0, 1.0))).render((80.0, 72.0, 50.0, 33.0), SIZE)
    assert_same_scene(applied(RandomFlip(1.0)), mirrored)


@pytest.mark.parametrize("degrees", [-35.0, 12.0, 90.0, 180.0])
def test_rotation_is_a_roll_of_the_camera(degrees: float) -> None:
    # Clockwise as seen, x to the right and y down: (1, 0) turns towards (0, 1).
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    expected = World(turn=((cosine, -sine), (sine, cosine))).render(CAMERA, SIZE)
    source = World().render(CAMERA, SIZE)
    affine = Affine.identity(SIZE).turned(degrees, source["camera"])
    found = warp(source, affine)
    ones = {"image": source["image"], "known": np.ones(SIZE, np.uint8)}
    seen = warp(ones, affine)["known"] == 1
    assert_same_scene(found, expected, seen)
    for key in ("depth", "normals"):
        assert np.isnan(found[key][~seen]).all()
    assert (found["segmentation"][~seen] == IGNORE).all()
    assert not found["image"][~seen].any()


def test_rotation_draws_an_angle_within_its_bounds() -> None:
    angles = []
    for seed in range(50):
        camera = np.array([1, 1, 45, 30], np.float32)
        step, random = RandomRotation(15.0), generator(seed)
        sample = {"image": np.zeros((60, 90, 3), np.uint8), "camera": camera}
        turn = step.extend(Affine.identity(SIZE), sample, random).turn(camera)
        angles.append(np.degrees(np.arctan2(turn[1, 0], turn[0, 0])))
    assert 10 < np.max(angles) <= 15
    assert -15 <= np.min(angles) < -10


@pytest.mark.parametrize("zoom", [0.6, 0.8, 1.5, 2.3])
def test_zoom_shows_the_scene_in_small(zoom: float) -> None:
    # All points divided by the zoom, the camera's pixels multiplied by it.
    size = (round(60 * zoom), round(90 * zoom))
    down, across = size[0] / 60, size[1] / 90
    camera = (80 * across, 72 * down, 40 * across, 33 * down)
    expected = World(zoom=zoom).render(camera, size)
    assert_same_scene(applied(RandomZoom((zoom, zoom))), expected)


def test_zoom_divides_depth_and_leaves_normals() -> None:
    source = World().render(CAMERA, SIZE)
    found = RandomZoom((2.0, 2.0))(source, generator())
    # Straight ahead lies the pixel that contains the principal point (40, 33), then (80, 66).
    assert found["depth"][66, 80] == pytest.approx(source["depth"][33, 40] / 2, rel=0.01)
    np.testing.assert_array_equal(found["normals"][66, 80], source["normals"][33, 40])


def test_crop_moves_the_principal_point() -> None:
    source = World().render(CAMERA, SIZE)
    found = RandomCrop((40, 50))(source, generator(3))
    top, left = (int(v) for v in CAMERA[3:1:-1] - found["camera"][3:1:-1])
    assert (top, left) != (0, 0)
    window = (slice(top, top + 40), slice(left, left + 50))
    for key in ("image", "segmentation", "depth", "normals"):
        np.testing.assert_array_equal(found[key], source[key][window])
    np.testing.assert_array_equal(found["camera"][:2], source["camera"][:2])


def test_pad_leaves_places_and_camera() -> None:
    source = World().render(CAMERA, SIZE)
    found = Pad((64, 96))(source, generator())
    for key in ("image", "segmentation", "depth", "normals"):
        np.testing.assert_array_equal(found[key][:60, :90], source[key])
    np.testing.assert_array_equal(found["camera"], source["camera"])


@pytest.mark.parametrize("seed", range(6))
def test_every_view_is_that_of_a_transformed_scene(seed: int) -> None:
    # The camera after all steps is the one that was worked out for each step alone above.
    view = RandomView((48, 64), scale=(0.7, 1.6), rotation=30.0, base=(60, 80))
    source, random = World().render(CAMERA, SIZE), generator(seed)
    affine = view.extend(Affine.identity(SIZE), source, random)
    (a, b), (c, d) = affine.turn(source["camera"]).tolist()
    found = view(source, generator(seed))
    expected = World(((a, b), (c, d)), affine.zoom).render(found["camera"].tolist(), (48, 64))
    assert_same_scene(found, expected, np.isfinite(found["depth"]))


@pytest.mark.parametrize("seed", range(3))
def test_depth_and_camera_of_a_view_have_its_normals(seed: int) -> None:
    # Depth that is divided needs a camera that is scaled. Depth of nearest pixels has steps: its
    # normals would be 5 to 19 degrees off.
    view = RandomView((55, 83), scale=(1.1, 1.6), rotation=20.0, base=(60, 80))
    found = view(World().render(CAMERA, SIZE), generator(seed))
    derived = normals_from_depth(found["depth"], found["camera"])
    here = smooth(found, np.isfinite(derived[..., 0]), reach=5)
    assert here.mean() > 0.1
    cosine = (derived * found["normals"]).sum(-1)[here]
    assert np.quantile(np.degrees(np.arccos(np.clip(cosine, -1, 1))), 0.95) < 2


def test_one_warp_is_its_steps_one_after_another() -> None:
    # Steps that move whole pixels give the same pixels either way.
    steps = [RandomCrop((40, 80)), RandomFlip(1.0), RandomRotation(0.0), RandomCrop((30, 60))]
    source, random = World().render(CAMERA, SIZE), generator(2)
    found = Joint(steps)(source, generator(2))
    for step in steps:
        source = step(source, random)
    for key, value in source.items():
        np.testing.assert_array_equal(found[key], value)


def test_joint_steps_show_again_what_was_cut_off() -> None:
    source = World().render(CAMERA, SIZE)
    crop = RandomCrop((40, 50))
    left = int(CAMERA[2] - crop(source, generator(3))["camera"][2])
    found = Joint([crop, Pad((40, 100))])(source, generator(3))
    # Padding to the right shows the image's own pixels up to its end, and then nothing.
    known = np.isfinite(found["depth"]).any(0)
    assert known[: 90 - left].all()
    assert not known[90 - left :].any()


@pytest.mark.parametrize(("degrees", "zoom"), [(0.0, 1.25), (10.0, 1.0), (-8.0, 1.3)])
def test_rendered_rooms_seen_by_a_rolled_and_zoomed_camera(degrees: float, zoom: float) -> None:
    scene, size = room_scene(generator(4), DAY), (72, 72)

    def seen(camera: Camera) -> Sample:
        return as_sample(frame(replace(scene, camera=camera), size, WALL, generator()))

    angle, old = np.radians(degrees), scene.camera
    # A scene that rolls clockwise as seen: what was on the right moves down.
    right = np.cos(angle) * old.rotation[0] - np.sin(angle) * old.rotation[1]
    down = np.sin(angle) * old.rotation[0] + np.cos(angle) * old.rotation[1]
    rotation = np.stack([right, down, old.rotation[2]])
    field = 2 * np.arctan(np.tan(old.field / 2) / zoom)
    source, expected = seen(old), seen(replace(old, rotation=rotation, field=field))
    expected["depth"] = expected["depth"] / np.float32(zoom)
    around_middle = np.array([[zoom, 0, 36 - zoom * 36], [0, zoom, 36 - zoom * 36]])
    affine = Affine.identity(size).turned(degrees, source["camera"])
    found = warp(source, affine.then(around_middle, zoom=zoom))
    np.testing.assert_allclose(found["camera"], expected["camera"], rtol=1e-5)
    here = smooth(expected, np.isfinite(found["depth"]))
    assert here.mean() > 0.3
    np.testing.assert_array_equal(found["segmentation"][here], expected["segmentation"][here])
    # Of one class, but not always of one surface: walls meet.
    error = np.abs(found["depth"] / expected["depth"] - 1)[here]
    assert np.quantile(error, 0.98) < 0.005
    cosine = (found["normals"] * expected["normals"]).sum(-1)[here]
    assert np.quantile(cosine, 0.02) > np.cos(np.radians(4))


def as_sample(shot: Frame) -> Sample:
    return {
        "image": shot.image,
        "camera": np.array(shot.camera, np.float32),
        "segmentation": shot.segmentation,
        "depth": shot.depth,
        "normals": shot.normals,
    }
