"""Rooms, streets and photos: exact labels, upright, the same in any process and at any size."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest

import datamodules
from datamodules.rendering import (
    DAY,
    DUSK,
    LOOKS,
    PHOTO_CLASSES,
    ROOM_CLASSES,
    STREET_CLASSES,
    Frame,
    Look,
    photo,
    room,
    street,
)
from datamodules.rendering.photo import photo_scene

Render = Callable[[np.random.Generator, tuple[int, int], Look], Frame]
RENDERS = [
    pytest.param(room, id="room"),
    pytest.param(street, id="street"),
    pytest.param(photo, id="photo"),
]
CLASSES = {room: ROOM_CLASSES, street: STREET_CLASSES, photo: PHOTO_CLASSES}
FARTHEST = {room: 12, street: 90, photo: np.inf}  # a meadow has no end
SIZE = (48, 64)


@cache
def _frame(render: Render, seed: int = 0, size: tuple[int, int] = SIZE, look: Look = DAY) -> Frame:
    return render(np.random.default_rng(seed), size, look)


def _rays(frame: Frame) -> np.ndarray:
    """The ray (x, y, 1) of each pixel's centre."""
    fx, fy, cx, cy = frame.camera
    height, width = frame.depth.shape
    y, x = np.mgrid[:height, :width] + 0.5
    return np.stack([(x - cx) / fx, (y - cy) / fy, np.ones_like(x)], -1)


@pytest.mark.parametrize("render", RENDERS)
def test_one_seed_one_frame(render: Render) -> None:
    np.random.seed(1)  # noqa: NPY002 - the global state must not matter.
    drawn = _frame.__wrapped__  # anew each time
    first = drawn(render)
    np.random.seed(2)  # noqa: NPY002
    second, other = drawn(render), drawn(render, seed=1)
    for name in ("image", "segmentation", "depth", "normals"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert not np.array_equal(getattr(first, name), getattr(other, name), equal_nan=True)


def test_another_process_draws_the_same_frame() -> None:
    # The renderer opens alone: a bare package in place of `datamodules` spares it torch.
    code = (
        "import sys, types; package = types.ModuleType('datamodules');"
        f"package.__path__ = [{str(Path(datamodules.__file__).parent)!r}];"
        "sys.modules['datamodules'] = package;"
        "import numpy as np; from datamodules.rendering import DAY, room;"
        "print(room(np.random.default_rng(5), (16, 16), DAY).image.astype(int).sum())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert int(printed) == _frame(room, 5, (16, 16)).image.astype(int).sum()


@pytest.mark.parametrize("render", RENDERS)
@pytest.mark.parametrize("size", [(24, 48), (40, 24)])
def test_shapes_and_types(render: Render, size: tuple[int, int]) -> None:
    frame = _frame(render, size=size)
    assert (frame.image.shape, frame.image.dtype) == ((*size, 3), np.uint8)
    assert (frame.segmentation.shape, frame.segmentation.dtype) == (size, np.uint8)
    assert (frame.depth.shape, frame.depth.dtype) == (size, np.float32)
    assert (frame.normals.shape, frame.normals.dtype) == ((*size, 3), np.float32)
    assert frame.camera[2:] == (size[1] / 2, size[0] / 2)
    assert frame.segmentation.max() < len(CLASSES[render])


@pytest.mark.parametrize("render", RENDERS)
@pytest.mark.parametrize("seed", range(3))
def test_labels_are_known_everywhere_but_in_the_sky(render: Render, seed: int) -> None:
    frame = _frame(render, seed)
    names = [name for name, _ in CLASSES[render]]
    sky = frame.segmentation == (names.index("sky") if "sky" in names else 255)
    np.testing.assert_array_equal(np.isnan(frame.depth), sky)
    np.testing.assert_array_equal(np.isnan(frame.normals).any(-1), sky)
    assert np.isfinite(frame.depth[~sky]).all()
    assert frame.depth[~sky].min() > 0.1
    assert frame.depth[~sky].max() < FARTHEST[render]
    lengths = np.linalg.norm(frame.normals[~sky], axis=-1)
    np.testing.assert_allclose(lengths, 1, atol=1e-3)


@pytest.mark.parametrize("render", RENDERS)
@pytest.mark.parametrize("seed", range(3))
def test_surfaces_face_the_camera(render: Render, seed: int) -> None:
    frame = _frame(render, seed)
    facing = (frame.normals * _rays(frame)).sum(-1)
    # Rounding, on the rims of round things, where the ray touches the surface.
    assert np.nanmax(facing) < 1e-2
    assert np.nanmean(facing < 0) > 0.99 * np.mean(~np.isnan(facing))


@pytest.mark.parametrize("render", RENDERS)
@pytest.mark.parametrize("seed", range(2))
def test_normals_agree_with_the_depth(render: Render, seed: int) -> None:
    """The plane through a pixel's neighbours, by back-projection, where the surface is smooth."""
    frame = _frame(render, seed, (96, 128))
    points = _rays(frame) * frame.depth[..., None]
    across = points[1:-1, 2:] - points[1:-1, :-2]
    down = points[2:, 1:-1] - points[:-2, 1:-1]
    normal = np.cross(down, across)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    inner = frame.normals[1:-1, 1:-1]
    around = [
        frame.normals[1 + i : 95 + i, 1 + j : 127 + j]
        for i, j in ((0, 1), (0, -1), (1, 0), (-1, 0))
    ]
    smooth = np.all([(other * inner).sum(-1) > 0.99 for other in around], axis=0)
    depth = frame.depth
    bend = np.abs(depth[1:-1, 2:] + depth[1:-1, :-2] - 2 * depth[1:-1, 1:-1])
    bend += np.abs(depth[2:, 1:-1] + depth[:-2, 1:-1] - 2 * depth[1:-1, 1:-1])
    smooth &= bend < 0.02 * depth[1:-1, 1:-1]
    cosine = np.clip((normal * inner).sum(-1)[smooth], -1, 1)
    assert smooth.mean() > 0.4
    assert np.median(np.degrees(np.arccos(cosine))) < 2
    assert np.mean(np.degrees(np.arccos(cosine)) < 10) > 0.9


def _mean_row(frame: Frame, number: int) -> float:
    rows = np.nonzero(frame.segmentation == number)[0]
    return float(rows.mean()) if rows.size else np.nan


def test_rooms_stand_on_their_floors() -> None:
    frames = [_frame(room, seed) for seed in range(6)]
    names = [name for name, _ in ROOM_CLASSES]
    floor, ceiling = names.index("floor"), names.index("ceiling")
    for frame in frames:
        assert (frame.normals[frame.segmentation == floor][:, 1] < 0).all()  # up, and y is down
        assert (frame.normals[frame.segmentation == ceiling][:, 1] > 0).all()
    below = [_mean_row(frame, floor) - _mean_row(frame, ceiling) for frame in frames]
    assert np.nanmin(below) > 0


def test_streets_lie_under_the_sky() -> None:
    names = [name for name, _ in STREET_CLASSES]
    for seed in range(3):
        frame = _frame(street, seed)
        road = frame.segmentation == names.index("road")
        assert _mean_row(frame, names.index("road")) > _mean_row(frame, names.index("sky")) + 10
        assert (frame.normals[road][:, 1] < -0.9).all()


def test_photos_show_people_from_head_to_foot() -> None:
    names = [name for name, _ in PHOTO_CLASSES]
    parts = ["head", "torso", "upper leg", "lower leg"]
    stood, shown = 0, 0
    for seed in range(30):
        frame = _frame(photo, seed)
        rows = [_mean_row(frame, names.index(part)) for part in parts]
        shown += not np.isnan(rows).all()
        if not np.isnan(rows).any():
            stood += 1
            # Of several people one may be nearer, and lower in the picture.
            assert rows[0] < rows[1] < rows[3]
    assert stood > 8
    assert shown < 28  # there are photos without people


def test_nothing_in_a_photo_sticks_in_a_wall() -> None:
    rooms, beside = 0, 0
    for seed in range(60):
        scene = photo_scene(np.random.default_rng(seed), DAY)
        walls = [plane for plane in scene.planes if plane.normal[2] == 0]
        rooms, beside = rooms + bool(walls), beside + len(scene.bodies) * bool(walls)
        for wall, part in product(walls, scene.bodies):
            ahead = wall.normal @ part.position - np.abs(wall.normal) @ part.extent()
            assert ahead >= wall.offset - 1e-9
    assert rooms > 20
    assert beside > 15 * rooms  # and rooms are not empty


@pytest.mark.parametrize("render", RENDERS)
def test_another_size_shows_the_same_scene(render: Render) -> None:
    small, large = _frame(render, 3), _frame(render, 3, (96, 128))
    four = np.stack([large.segmentation[i::2, j::2] for i in (0, 1) for j in (0, 1)])
    same = (four == four[0]).all(0)
    assert (small.segmentation == four[0])[same].mean() > 0.98
    four_depths = np.stack([large.depth[i::2, j::2] for i in (0, 1) for j in (0, 1)])
    error = np.abs(small.depth / four_depths.mean(0) - 1)[same & ~np.isnan(small.depth)]
    assert np.median(error) < 0.01
    assert np.mean(error < 0.05) > 0.9
    shrunk = cv2.resize(large.image, (64, 48), interpolation=cv2.INTER_AREA).astype(float)
    assert np.corrcoef(shrunk.ravel(), small.image.ravel())[0, 1] > 0.9
    np.testing.assert_allclose(np.array(large.camera), 2 * np.array(small.camera))


@pytest.mark.parametrize("render", RENDERS)
def test_looks_change_the_image_only(render: Render) -> None:
    for seed in range(2):
        day, dusk = _frame(render, seed), _frame(render, seed, look=DUSK)
        np.testing.assert_array_equal(day.depth, dusk.depth)
        np.testing.assert_array_equal(day.segmentation, dusk.segmentation)
        np.testing.assert_array_equal(day.normals, dusk.normals)
        assert dusk.image.mean() < 0.8 * day.image.mean()
        assert dusk.image.mean() > 15


def test_noise_is_as_strong_as_the_look_says() -> None:
    quiet, loud = (_frame(room, look=replace(DAY, noise=noise)) for noise in (0.0, 0.04))
    middle = (quiet.image > 40) & (quiet.image < 200)
    difference = loud.image.astype(float) - quiet.image
    assert difference[middle].std() / 255 == pytest.approx(0.04, rel=0.1)


@pytest.mark.parametrize("render", RENDERS)
def test_all_classes_appear(render: Render) -> None:
    found: set[int] = set()
    for seed in range(40):
        found |= {int(number) for number in np.unique(_frame(render, seed, (24, 48)).segmentation)}
        if len(found) == len(CLASSES[render]):
            break
    assert found == set(range(len(CLASSES[render])))


def test_rooms_are_balanced() -> None:
    counts = np.zeros(len(ROOM_CLASSES))
    for seed in range(40):
        counts += np.bincount(_frame(room, seed, (24, 24)).segmentation.ravel(), minlength=8)
    share = dict(zip((name for name, _ in ROOM_CLASSES), counts / counts.sum(), strict=True))
    things = [share[name] for name in ("panel", "box", "sphere", "cylinder", "cone")]
    assert min(things) > 0.035
    assert 0.2 < sum(things) < 0.45


@pytest.mark.parametrize("classes", CLASSES.values(), ids=["room", "street", "photo"])
def test_colours_can_be_told_apart(classes: tuple[tuple[str, tuple[int, int, int]], ...]) -> None:
    colours = np.array([colour for _, colour in classes])
    gaps = np.abs(colours[:, None] - colours[None]).sum(-1) + 999 * np.eye(len(colours), dtype=int)
    assert gaps.min() > 60
    assert len({name for name, _ in classes}) == len(classes) >= 8


def test_looks_are_named() -> None:
    assert LOOKS == {"day": DAY, "dusk": DUSK}
