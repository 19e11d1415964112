"""Crops of image classification: what they show, how they are drawn, and at which size they end."""

import pickle

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from datamodules.geometry import Affine, CentreCrop, Geometry, InceptionCrop, RandomFlip, joined
from datamodules.transforms import Sample

SEEDS = range(1000)


def sample(height: int, width: int) -> Sample:
    random = np.random.default_rng(0)
    return {"image": random.integers(0, 256, (height, width, 3), dtype=np.uint8), "name": "a"}


def seen(step: Geometry, size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Upper left and lower right corner, (x, y), of what a step shows of an image of that size."""
    affine = step.extend(Affine.identity(size), sample(1, 1), np.random.default_rng(seed))
    height, width = affine.size
    return affine.sources(np.array([[0.0, 0.0], [width, height]]))


def windows(step: Geometry, size: tuple[int, int]) -> np.ndarray:
    """Left, top, width and height of a thousand rectangles."""
    corners = np.array([seen(step, size, seed) for seed in SEEDS])
    return np.concatenate([corners[:, 0], corners[:, 1] - corners[:, 0]], axis=1)


def test_rectangles_are_those_of_torchvision() -> None:
    size, step = (60, 90), InceptionCrop((8, 8))
    ours = windows(step, size)
    image = torch.zeros(3, *size)
    torch.manual_seed(0)
    drawn = (v2.RandomResizedCrop(8).make_params([image]) for _ in SEEDS)
    theirs = np.array([[each[key] for key in ("left", "top", "width", "height")] for each in drawn])
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        # Of a thousand draws; a quantile moves by 2 to 4 pixels from one seed to the next.
        ends = [np.quantile(found, share, axis=0) for found in (ours, theirs)]
        np.testing.assert_allclose(*ends, atol=5)
    assert np.allclose(ours, ours.round())  # no pixel is cut
    assert (ours[:, :2] >= 0).all()
    assert (ours[:, 0] + ours[:, 2] <= 90 + 1e-9).all()
    assert (ours[:, 1] + ours[:, 3] <= 60 + 1e-9).all()


def test_area_and_shape_keep_their_ranges() -> None:
    found = windows(InceptionCrop((8, 8), scale=(0.2, 0.5), ratio=(0.5, 1.0)), (200, 200))
    area, aspect = found[:, 2] * found[:, 3] / 200**2, found[:, 2] / found[:, 3]
    assert 0.195 < area.min() < 0.21
    assert 0.49 < area.max() < 0.505
    assert area.mean() == pytest.approx(0.35, abs=0.01)
    assert 0.49 < aspect.min() < 0.51
    assert 0.97 < aspect.max() < 1.01
    # Evenly in the logarithm: as many below √0.5 as above.
    assert np.median(aspect) == pytest.approx(0.5**0.5, abs=0.02)


def test_where_no_rectangle_fits_the_middle_is_taken() -> None:
    # Of 10 x 100 pixels all in one piece have an aspect of 10: 13 columns are the most allowed.
    np.testing.assert_allclose(
        seen(InceptionCrop((4, 4), scale=(1.0, 1.0)), (10, 100)), [[43, 0], [56, 10]]
    )
    np.testing.assert_allclose(
        seen(InceptionCrop((4, 4), scale=(1.0, 1.0)), (100, 10)), [[0, 43], [10, 56]]
    )


def test_the_short_side_of_224_becomes_248() -> None:
    assert CentreCrop((224, 224)).base == (248, 248)
    # 372 x 496 pixels become 248 x 331 (330.67): of each 12 rows above and below are cut off.
    found = seen(CentreCrop((224, 224)), (372, 496))
    across = 496 / 331
    np.testing.assert_allclose(found, [[53 * across, 18], [277 * across, 354]])


@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (31, 31), (7, 90)])
def test_the_middle_is_what_torchvision_shows(shape: tuple[int, int]) -> None:
    # A picture without detail: the two filters differ in the finest.
    ramp = np.add.outer(np.linspace(0, 120, shape[0]), np.linspace(0, 120, shape[1]))
    image = np.repeat(ramp[..., None], 3, axis=2).round().astype(np.uint8)
    ours = CentreCrop((18, 18))({"image": image, "name": "a"}, np.random.default_rng(0))["image"]
    evaluation = v2.Compose([v2.Resize(20), v2.CenterCrop(18)])
    theirs = evaluation(torch.from_numpy(image).permute(2, 0, 1)).permute(1, 2, 0).numpy()
    # Sides are rounded otherwise: by a pixel of 257 in the longest image.
    assert np.abs(ours.astype(int) - theirs).max() <= 4


@pytest.mark.parametrize("shape", [(24, 32), (9, 70), (100, 5), (1, 1), (20, 28)])
@pytest.mark.parametrize("step", [InceptionCrop((20, 28)), CentreCrop((20, 28))])
def test_every_image_ends_at_the_size(step: Geometry, shape: tuple[int, int]) -> None:
    for seed in range(5):
        found = step(sample(*shape), np.random.default_rng(seed))["image"]
        assert found.shape == (20, 28, 3)
        assert found.any()  # no padding


def test_a_crop_depends_on_its_generator_alone() -> None:
    source, step = sample(30, 40), InceptionCrop((12, 12))
    first = step(source, np.random.default_rng(1))["image"]
    np.random.seed(0)  # noqa: NPY002 - the global state must not matter
    again = pickle.loads(pickle.dumps(step))(source, np.random.default_rng(1))["image"]
    np.testing.assert_array_equal(first, again)
    assert (step(source, np.random.default_rng(2))["image"] != first).any()


def test_crop_and_flip_are_one_step() -> None:
    (step,) = joined([InceptionCrop((12, 12)), RandomFlip(1.0)])
    source = sample(30, 40)
    plain = InceptionCrop((12, 12))(source, np.random.default_rng(3))["image"]
    flipped = step(source, np.random.default_rng(3))["image"]
    np.testing.assert_array_equal(flipped, plain[:, ::-1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: InceptionCrop((8, 8), scale=(0.5, 1.5)), r"`scale` should rise within \(0, 1\]"),
        (lambda: InceptionCrop((8, 8), ratio=(0.0, 1.0)), "`ratio` should rise and be positive"),
        (lambda: InceptionCrop((0, 8)), "`size`"),
    ],
)
def test_wrong_settings(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
