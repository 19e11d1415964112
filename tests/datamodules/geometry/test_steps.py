"""What the steps draw, check and refuse."""

import pickle

import numpy as np
import pytest

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
    joined,
)
from datamodules.geometry.axis import Axis
from datamodules.labels import IGNORE
from datamodules.photometric import Photometric
from datamodules.transforms import Sample


def sample(height: int = 24, width: int = 32) -> Sample:
    random = np.random.default_rng(0)
    return {
        "image": random.integers(1, 256, (height, width, 3), dtype=np.uint8),
        "name": "a",
        "camera": np.array([30, 30, width / 2, height / 2], np.float32),
        "segmentation": random.integers(0, 3, (height, width), dtype=np.uint8),
        "depth": random.uniform(1, 5, (height, width)).astype(np.float32),
    }


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def view_of(step: Geometry, seed: int, source: Sample) -> Affine:
    size = source["image"].shape[:2]
    return step.extend(Affine.identity(size), source, generator(seed))


VIEW = RandomView((20, 28), rotation=10.0, largest_share=0.9)


def test_a_view_depends_on_its_generator_alone() -> None:
    first = VIEW(sample(), generator(1))
    VIEW(sample(), generator(5))
    np.random.seed(0)  # noqa: NPY002 - the global state must not matter
    second = pickle.loads(pickle.dumps(VIEW))(sample(), generator(1))
    for key, value in first.items():
        np.testing.assert_array_equal(second[key], value)
    assert (VIEW(sample(), generator(2))["image"] != first["image"]).any()


@pytest.mark.parametrize("shape", [(24, 32), (9, 70), (100, 5), (20, 28)])
def test_every_view_has_the_size_asked_for(shape: tuple[int, int]) -> None:
    for seed in range(10):
        found = VIEW(sample(*shape), generator(seed))
        assert found["image"].shape == (20, 28, 3)
        assert found["depth"].shape == found["segmentation"].shape == (20, 28)


def test_view_at_scale_one_is_the_resized_image() -> None:
    view = RandomView((12, 16), scale=(1.0, 1.0), flip=0.0)
    found, expected = view(sample(), generator()), Resize((12, 16))(sample(), generator())
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)


def test_base_is_the_whole_image_of_which_a_crop_is_taken() -> None:
    view = RandomView((24, 16), scale=(1.0, 1.0), flip=0.0, base=(24, 32))
    source = sample()
    lefts = set()
    for seed in range(40):
        found = view(source, generator(seed))
        left = int(16 - found["camera"][2])
        np.testing.assert_array_equal(found["image"], source["image"][:, left : left + 16])
        lefts.add(left)
    # 17 places, of which 40 draws hit about 15; the ends are places too.
    assert len(lefts) > 10
    assert lefts <= set(range(17))


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_flip_happens_as_often_as_asked(probability: float) -> None:
    flip, source = RandomFlip(probability), sample()
    flips = sum(view_of(flip, seed, source).matrix[0, 0] < 0 for seed in range(1000))
    assert flips / 1000 == pytest.approx(probability, abs=0.05)


def test_zoom_is_spread_over_its_range() -> None:
    zooms = [view_of(RandomZoom((0.5, 2.0)), seed, sample()).zoom for seed in range(300)]
    assert 0.5 <= min(zooms) < 0.55
    assert 1.95 < max(zooms) <= 2.0
    assert np.mean(zooms) == pytest.approx(1.25, abs=0.08)


def test_small_images_lie_anywhere_in_the_padding() -> None:
    source, places = sample(4, 6), set()
    for seed in range(60):
        found = RandomCrop((5, 8))(source, generator(seed))
        rows, columns = np.nonzero(found["segmentation"] != IGNORE)
        top, left = int(rows.min()), int(columns.min())
        np.testing.assert_array_equal(
            found["image"][top : top + 4, left : left + 6], source["image"]
        )
        assert (found["image"].any(-1)).sum() == 24
        places.add((top, left))
    assert places == {(top, left) for top in (0, 1) for left in (0, 1, 2)}


def test_crops_cut_no_pixel() -> None:
    # Zoomed by 1.37 a window of 20 columns needs 14.6 of the source: 14 or 15 after snapping.
    step = Joint([RandomZoom((1.37, 1.37)), RandomFlip(0.5), RandomCrop((18, 20))])
    for seed in range(20):
        affine = view_of(step, seed, sample())
        for axis in affine.axes((24, 32)):
            np.testing.assert_allclose(axis.needed(), np.round(axis.needed()), atol=1e-9)
            assert abs(axis.scale) == pytest.approx(1.37, rel=0.5 / 13 + 0.03)
            assert axis.needed()[0] > -1e-9
            assert axis.needed()[1] < axis.source + 1e-9


def test_no_class_fills_a_crop_where_another_place_is_found() -> None:
    source = sample(32, 64)
    source["segmentation"][:] = 0
    source["segmentation"][:, 48:] = 1
    source["segmentation"][:8] = IGNORE
    # Windows of 16 columns: of 49 places only lefts 37 to 43 hold at least a quarter of each.
    shares = []
    for seed in range(30):
        crop = RandomCrop((32, 16), largest_share=0.75, tries=100)
        classes = crop(source, generator(seed))["segmentation"]
        known = classes[classes != IGNORE]
        shares.append(max(np.mean(known == 0), np.mean(known == 1)))
    assert max(shares) <= 0.75
    any_crop = [RandomCrop((32, 16))(source, generator(seed)) for seed in range(30)]
    # Without the limit half of the crops have one class only.
    assert sum(len(np.unique(crop["segmentation"])) == 2 for crop in any_crop) > 8


def test_hopeless_crops_end_after_the_tries() -> None:
    for value in (1, IGNORE):
        source = sample() | {"segmentation": np.full((24, 32), value, np.uint8)}
        found = RandomCrop((8, 8), largest_share=0.5)(source, generator())
        assert (found["segmentation"] == value).all()


def test_class_share_needs_classes() -> None:
    source = sample()
    del source["segmentation"]
    with pytest.raises(ValueError, match=r"`largest_share`.*`a`.*`segmentation`"):
        RandomCrop((8, 8), largest_share=0.5)(source, generator())


def test_without_a_camera_the_view_turns_about_the_middle() -> None:
    source = sample()
    with_camera = RandomRotation(45.0)(source, generator(3))
    del source["camera"]
    without = RandomRotation(45.0)(source, generator(3))
    np.testing.assert_array_equal(without["image"], with_camera["image"])
    assert "camera" not in without


def test_padding_needs_room() -> None:
    with pytest.raises(ValueError, match=r"`size`.*\(24, 32\).*`a`"):
        Pad((24, 31))(sample(), generator())


def test_neighbouring_steps_are_joined() -> None:
    photometric = Photometric()
    steps = [RandomZoom(), RandomFlip(), RandomCrop((20, 20)), photometric, Resize((10, 10))]
    merged = joined(steps)
    assert [type(step) for step in merged] == [Joint, Photometric, Resize]
    found = merged[0](sample(), generator(4))
    expected = Joint(steps[:3])(sample(), generator(4))
    np.testing.assert_array_equal(found["image"], expected["image"])
    assert joined([]) == []


@pytest.mark.parametrize("size", [(0, 4), (4, -1)])
@pytest.mark.parametrize("step", [Resize, RandomCrop, Pad, RandomView])
def test_size_must_be_positive(step: type[Resize], size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="`size`"):
        step(size)


@pytest.mark.parametrize(
    "scale", [(0.0, 1.0), (1.5, 0.5), (-1.0, 1.0), (1.0, np.inf), (np.nan, 1.0)]
)
def test_scale_must_rise_and_be_positive(scale: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="`scale`"):
        RandomZoom(scale)


def test_other_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="`degrees`"):
        RandomRotation(-1.0)
    with pytest.raises(ValueError, match=r"`probability`.*1\.5"):
        RandomFlip(1.5)
    with pytest.raises(ValueError, match="`largest_share`"):
        RandomCrop((4, 4), largest_share=0.0)
    with pytest.raises(ValueError, match="`tries`"):
        RandomCrop((4, 4), tries=0)
    with pytest.raises(ValueError, match="`base`"):
        RandomView((4, 4), base=(0, 4))


def test_a_view_of_the_last_part_of_a_pixel_shows_that_pixel() -> None:
    # One pixel of a view that is four times larger: the last quarter of the source's last pixel.
    assert Axis(scale=4, shift=-15, source=4, view=1).snapped() == Axis(1, -3, 4, 1)
    assert Axis(scale=4, shift=0, source=4, view=1).snapped() == Axis(1, 0, 4, 1)
