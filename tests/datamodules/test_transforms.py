import pickle

import numpy as np

from datamodules.geometry import RandomFlip
from datamodules.photometric import Photometric
from datamodules.transforms import Sample


def dense_sample() -> Sample:
    random = np.random.default_rng(0)
    return {
        "image": random.integers(0, 256, (8, 10, 3), dtype=np.uint8),
        "name": "a",
        "camera": np.array([9.0, 9.0, 3.0, 4.0], np.float32),
        "segmentation": random.integers(0, 3, (8, 10), dtype=np.uint8),
        "depth": random.uniform(1, 5, (8, 10)).astype(np.float32),
        "normals": random.normal(size=(8, 10, 3)).astype(np.float32),
        "shape": np.array(2, np.uint8),
    }


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_flip_moves_maps_and_turns_what_has_a_direction() -> None:
    sample = dense_sample()
    flipped = RandomFlip(1.0)(sample, generator())
    for key in ("image", "segmentation", "depth"):
        np.testing.assert_array_equal(flipped[key], sample[key][:, ::-1])
    turned = sample["normals"][:, ::-1] * np.array([-1, 1, 1])
    np.testing.assert_array_equal(flipped["normals"], turned)
    # Width 10: what was 3 pixels from the left edge is 3 from the right one. cy stays.
    np.testing.assert_array_equal(flipped["camera"], [9, 9, 7, 4])
    assert flipped["shape"] == 2


def test_photometric_changes_the_image_only() -> None:
    sample = dense_sample()
    changed = Photometric(probability=1.0)(sample, generator())
    assert (changed["image"] != sample["image"]).any()
    assert changed["image"].dtype == np.uint8
    for key in sample.keys() - {"image"}:
        assert changed[key] is sample[key]


def test_photometric_depends_on_its_generator_alone() -> None:
    sample, photometric = dense_sample(), Photometric(probability=1.0)
    first = photometric(sample, generator(1))["image"]
    np.random.seed(0)  # noqa: NPY002 - the global state must not matter
    photometric(sample, generator(5))
    copy = pickle.loads(pickle.dumps(photometric))
    np.testing.assert_array_equal(copy(sample, generator(1))["image"], first)
    assert (photometric(sample, generator(2))["image"] != first).any()


def test_photometric_without_hue_keeps_the_hue() -> None:
    red: Sample = {"image": np.tile(np.array([150, 50, 50], np.uint8), (8, 8, 1))}
    for seed in range(10):
        random = generator(seed)
        image = Photometric(hue=0.0, noise=0.0, probability=1.0)(red, random)["image"].astype(int)
        assert (np.abs(image[..., 1] - image[..., 2]) <= 1).all()
        assert (image[..., 0] > image[..., 1]).all()
