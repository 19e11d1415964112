"""Pixels, worked out by hand: what is unknown, what is beyond the image, what is averaged."""

import numpy as np
import pytest

from datamodules.geometry import Affine, Joint, Pad, RandomFlip, RandomRotation, Resize, warp
from datamodules.labels import IGNORE
from datamodules.transforms import Sample

NAN = np.nan


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 256, (height, width, 3), dtype=np.uint8)


def affine(across: float, down: float, left: float, top: float, size: tuple[int, int]) -> Affine:
    return Affine(np.array([[across, 0, left], [0, down, top]]), size)


def plane(height: int, width: int) -> np.ndarray:
    """1 / depth is 0.2 in the first row and falls by 0.01 per row: a floor."""
    rows = np.arange(height, dtype=np.float32)[:, None]
    return np.broadcast_to(1 / (np.float32(0.2) - np.float32(0.01) * rows), (height, width)).copy()


def test_identity_is_the_sample_itself() -> None:
    sample: Sample = {"image": image(4, 5), "depth": plane(4, 5)}
    assert warp(sample, Affine.identity((4, 5))) is sample


def test_shift_moves_pixels_and_fills_by_kind() -> None:
    sample: Sample = {
        "image": image(2, 3),
        "segmentation": np.array([[0, 1, 2], [3, 4, 5]], np.uint8),
        "human_parts": np.array([[0, 1, 2], [3, 4, 5]], np.int32),
        "depth": np.array([[1, NAN, 3], [4, 5, 6]], np.float32),
        "normals": np.full((2, 3, 3), [0, 0, -1], np.float32),
        "edges": np.zeros((2, 3), np.float32),
        "shape": np.array(7, np.uint8),
        "name": "a",
    }
    # One to the right and one down, into 4 x 4: a first row, first column and last row of padding.
    moved = warp(sample, affine(1, 1, 1, 1, (4, 4)))
    unknown = [IGNORE] * 4
    classes = [unknown, [IGNORE, 0, 1, 2], [IGNORE, 3, 4, 5], unknown]
    np.testing.assert_array_equal(moved["segmentation"], classes)
    np.testing.assert_array_equal(moved["human_parts"], classes)
    depth = [[NAN] * 4, [NAN, 1, NAN, 3], [NAN, 4, 5, 6], [NAN] * 4]
    np.testing.assert_array_equal(moved["depth"], np.array(depth, np.float32))
    np.testing.assert_array_equal(moved["image"][1:3, 1:], sample["image"])
    padding = np.ones((4, 4), bool)
    padding[1:3, 1:] = False
    assert not moved["image"][padding].any()
    np.testing.assert_array_equal(np.isnan(moved["edges"]), padding)
    np.testing.assert_array_equal(np.isnan(moved["normals"]).all(-1), padding)
    np.testing.assert_array_equal(moved["normals"][~padding], sample["normals"].reshape(-1, 3))
    assert (moved["shape"], moved["name"], "camera" in moved) == (7, "a", False)
    assert [moved[key].dtype for key in sample if key != "name"] == [
        sample[key].dtype for key in sample if key != "name"
    ]


def test_source_is_left_alone() -> None:
    sample: Sample = {"image": image(6, 6), "depth": plane(6, 6), "normals": np.ones((6, 6, 3))}
    before = {key: value.copy() for key, value in sample.items()}
    sample["normals"] = sample["normals"].astype(np.float32)
    for step in (Resize((3, 12)), RandomRotation(30.0), Pad((8, 8))):
        step(sample, np.random.default_rng(0))
    for key, value in before.items():
        np.testing.assert_array_equal(sample[key], value)


def test_classes_and_normals_take_the_nearest_pixel() -> None:
    classes = np.array([[0, 1, 2, 3]], np.uint8)
    sample: Sample = {"image": image(1, 4), "segmentation": classes}
    # 4 to 6 pixels: centres at (j + 0.5) * 2/3 = 0.33 1 1.67 2.33 3 3.67, in pixels 0 1 1 2 3 3.
    found = Resize((1, 6))(sample, np.random.default_rng(0))
    np.testing.assert_array_equal(found["segmentation"], [[0, 1, 1, 2, 3, 3]])
    # To 3: centres at (j + 0.5) * 4/3 = 0.67 2 3.33.
    found = Resize((1, 3))(sample, np.random.default_rng(0))
    np.testing.assert_array_equal(found["segmentation"], [[0, 2, 3]])


@pytest.mark.parametrize("size", [(15, 20), (45, 60), (14, 23)])
def test_depth_is_exact_amid_a_plane(size: tuple[int, int]) -> None:
    sample: Sample = {"image": image(15, 20), "depth": plane(15, 20)}
    found = warp(sample, affine(size[1] / 20, size[0] / 15, 0.3, 0.2, size))["depth"]
    rows = (np.arange(size[0]) + 0.5 - 0.2) * 15 / size[0] - 0.5
    inner = (rows >= 0) & (rows <= 14)
    # OpenCV places pixels to 1/32 of a pixel; one row of the floor is up to a seventh of depth.
    expected = 1 / (0.2 - 0.01 * rows[inner])
    np.testing.assert_allclose(found[inner][:, size[1] // 2], expected, rtol=0.005)


def test_depth_is_never_blended_across_a_gap_or_with_the_unknown() -> None:
    depth = np.full((12, 12), 4, np.float32)
    depth[:, 6:] = 5
    depth[3:5, 2:4] = NAN
    sample: Sample = {"image": image(12, 12), "depth": depth}
    for view in (affine(2.5, 1.7, 0, 0, (20, 30)), affine(0.7, 0.7, 0.1, 0.2, (9, 9))):
        found = warp(sample, view)["depth"]
        assert set(np.unique(found[np.isfinite(found)]).tolist()) == {4, 5}
        known = warp({"image": sample["image"], "known": np.isfinite(depth).astype(np.uint8)}, view)
        np.testing.assert_array_equal(np.isfinite(found), known["known"] == 1)
    turned = RandomRotation(30.0)(sample, np.random.default_rng(1))["depth"]
    np.testing.assert_allclose(
        np.where(turned < 4.5, 4, 5)[np.isfinite(turned)], turned[np.isfinite(turned)], rtol=1e-6
    )


@pytest.mark.parametrize("degrees", [0.0, 25.0])
def test_depth_is_divided_by_the_zoom_wherever_it_comes_from(degrees: float) -> None:
    """Whether the pixels of the view are those of the source, or are blended."""
    sample: Sample = {"image": image(9, 9), "depth": np.full((9, 9), 6, np.float32)}
    view = Affine.identity((9, 9)).turned(degrees, np.array([1, 1, 4.5, 4.5], np.float32))
    found = warp(sample, view.then(np.eye(2, 3), zoom=1.5))["depth"]
    np.testing.assert_allclose(found[np.isfinite(found)], 4, rtol=1e-6)
    assert np.isfinite(found[4, 4])


@pytest.mark.parametrize(
    "row",
    [
        [1, 1, 1, 1.05, 1.05, 1.05],  # two surfaces a twentieth apart
        [NAN, 1, 2, NAN, NAN, NAN],  # no neighbour tells how either of the two goes on
    ],
)
def test_what_may_be_two_surfaces_is_not_blended(row: list[float]) -> None:
    depth = np.repeat(np.array([row], np.float32), 6, axis=0)
    found = warp({"image": image(6, 6), "depth": depth}, affine(3.3, 1, 0.2, 0, (6, 19)))["depth"]
    assert set(np.unique(found[np.isfinite(found)])) == set(np.unique(depth[np.isfinite(depth)]))


def test_zero_depth_is_no_reason_to_stop() -> None:
    depth = np.zeros((6, 6), np.float32)
    found = Resize((9, 9))({"image": image(6, 6), "depth": depth}, np.random.default_rng(0))
    np.testing.assert_array_equal(found["depth"], np.zeros((9, 9), np.float32))


@pytest.mark.parametrize("size", [(16, 16), (22, 24), (15, 13)])
def test_shrinking_averages(size: tuple[int, int]) -> None:
    # A board of single black and white pixels: picking pixels would leave black or white ones.
    board = np.indices((48, 48)).sum(0) % 2 * np.uint8(255)
    sample: Sample = {"image": np.repeat(board[..., None], 3, axis=2).astype(np.uint8)}
    found = Resize(size)(sample, np.random.default_rng(0))["image"]
    assert 100 < found.min() <= found.max() < 155
    turned = Affine.identity((48, 48)).turned(30.0, np.array([1, 1, 24, 24], np.float32))
    middle = warp(sample, turned.resized(size))["image"][5:-5, 5:-5]
    assert 60 < middle.min() <= middle.max() < 195


@pytest.mark.parametrize("source", [(97, 64), (63, 98)])
def test_what_is_turned_and_shrunk_stays_in_place(source: tuple[int, int]) -> None:
    # Neither side is a whole number of the pixels that are averaged before.
    y, x = np.mgrid[: source[0], : source[1]].astype(np.float32) + 0.5
    ramps = np.stack([x, y, x + y], axis=2)
    size = (round(source[0] / 3), round(source[1] / 3))
    camera = np.array([1, 1, source[1] / 2, source[0] / 2], np.float32)
    view = Affine.identity(source).turned(20.0, camera).resized(size)
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    places = view.sources(np.stack([columns.ravel(), rows.ravel()], axis=1))
    inner = ((places > 4) & (places < np.array(source[::-1]) - 4)).all(1).reshape(size)
    found = warp({"image": ramps}, view)["image"][inner]
    np.testing.assert_allclose(found[:, :2], places[inner.ravel()], atol=0.15)


def test_halving_is_the_mean_of_four() -> None:
    colours = image(4, 6)
    found = Resize((2, 3))({"image": colours}, np.random.default_rng(0))["image"]
    mean = colours.reshape(2, 2, 3, 2, 3).mean((1, 3))
    np.testing.assert_allclose(found, mean, atol=0.5)


@pytest.mark.parametrize("size", [(6, 10), (18, 30), (9, 37)])
def test_mirroring_commutes_with_resizing(size: tuple[int, int]) -> None:
    sample: Sample = {"image": image(12, 20), "depth": plane(20, 12).T.copy()}
    resized = Resize(size)(sample, np.random.default_rng(0))
    mirrored = Joint([Resize(size), RandomFlip(1.0)])(sample, np.random.default_rng(0))
    for key in sample:
        np.testing.assert_allclose(mirrored[key], resized[key][:, ::-1], rtol=1e-6)


@pytest.mark.parametrize("scale", [0.3, 0.45, 0.8, 1.7])
@pytest.mark.parametrize("degrees", [0.0, 7.0, 120.0])
def test_image_and_labels_stay_together(scale: float, degrees: float) -> None:
    # A disc of class 1, white: the centres of mass of class and of colour coincide.
    y, x = np.mgrid[:90, :90] + 0.5
    disc = ((x - 55) ** 2 + (y - 40) ** 2 < 22**2).astype(np.uint8)
    sample: Sample = {
        "image": np.repeat(255 * disc[..., None], 3, axis=2),
        "segmentation": disc,
    }
    side = round(90 * scale)
    view = Affine.identity((90, 90)).turned(degrees, np.array([1, 1, 45, 45], np.float32))
    view = view.resized((side, side)).cut(1, -2, (side, side))
    found = warp(sample, view)
    expected = view.matrix @ [55, 40, 1]
    y, x = np.mgrid[:side, :side] + 0.5
    for mass in (found["segmentation"] == 1, found["image"][..., 0].astype(float)):
        centre = [(mass * x).sum() / mass.sum(), (mass * y).sum() / mass.sum()]
        np.testing.assert_allclose(centre, expected, atol=0.12)


def test_only_the_window_is_read() -> None:
    class Guarded(np.ndarray):
        """Remembers which rows were asked for."""

        rows: slice

        def __getitem__(self, key: tuple[slice, slice]) -> np.ndarray:
            type(self).rows = key[0]
            return np.asarray(self)[key]

    depth = plane(19, 20).view(Guarded)
    # Rows 5 to 9 of the source, and one more on each side.
    warp({"image": image(19, 20), "depth": depth}, affine(2, 2, 0, -10, (8, 40)))
    assert (Guarded.rows.start, Guarded.rows.stop) == (4, 10)


def test_float_images_stay_float() -> None:
    ramp = np.repeat(np.linspace(0, 1, 8, dtype=np.float32)[None, :, None], 3, axis=2)
    found = Resize((4, 16))({"image": ramp.repeat(4, 0)}, np.random.default_rng(0))["image"]
    assert found.dtype == np.float32
    # 8 pixels rise by 1/7 each; half a pixel is half of that.
    np.testing.assert_allclose(np.diff(found[0, 1:-1, 0]), 1 / 14, atol=1e-6)


@pytest.mark.parametrize("straight", [True, False])
def test_view_beyond_the_image(straight: bool) -> None:
    far = affine(1, 1, 100, 0, (4, 4))
    turned = Affine(np.array([[0, -1, 100], [1, 0, 0]]), (4, 4))
    with pytest.raises(ValueError, match=r"`affine`.*sample `a`"):
        warp({"image": image(4, 4), "name": "a"}, far if straight else turned)


def test_view_just_beyond_the_image_is_unknown() -> None:
    # Source columns -1 to 0 only: the window holds pixels, for interpolation, but none is seen.
    found = warp({"image": image(4, 4), "depth": plane(4, 4)}, affine(4, 1, 4, 0, (4, 4)))
    assert not found["image"].any()
    assert np.isnan(found["depth"]).all()


def test_shearing_has_no_camera() -> None:
    sheared = Affine(np.array([[1, 0.2, 0], [0, 1, 0]]), (4, 4))
    normals = np.zeros((4, 4, 3), np.float32)
    with pytest.raises(ValueError, match=r"`matrix`.*shear"):
        warp({"image": image(4, 4), "normals": normals}, sheared)


@pytest.mark.parametrize(
    ("matrix", "size", "zoom", "argument"),
    [
        (np.eye(3), (4, 4), 1.0, "matrix"),
        (np.zeros((2, 3)), (4, 4), 1.0, "matrix"),
        (np.full((2, 3), NAN), (4, 4), 1.0, "matrix"),
        (np.eye(2, 3), (0, 4), 1.0, "size"),
        (np.eye(2, 3), (4, 4), 0.0, "zoom"),
        (np.eye(2, 3), (4, 4), NAN, "zoom"),
    ],
)
def test_wrong_maps(matrix: np.ndarray, size: tuple[int, int], zoom: float, argument: str) -> None:
    with pytest.raises(ValueError, match=f"`{argument}`"):
        Affine(matrix, size, zoom)


def test_maps_go_a_way_of_their_own_where_they_are_told_one() -> None:
    sample: Sample = {"image": image(2, 2), "edges": np.ones((2, 2), np.float32)}
    sample["saliency"] = sample["edges"]
    shifted = affine(1, 1, 1, 0, (2, 3))
    ways = {"edges": lambda values, look, camera: look.nearest(values, 0.5)}
    view = warp(sample, shifted, ways)
    assert view["edges"].tolist() == [[0.5, 1, 1]] * 2
    assert np.isnan(view["saliency"][:, 0]).all()
    assert (view["image"] == warp(sample, shifted)["image"]).all()
