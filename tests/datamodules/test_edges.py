import cv2
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from datamodules.edges import sobel_edges


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=2).astype(np.uint8)


def step(height: int, width: int) -> np.ndarray:
    image = np.zeros((height, width), np.uint8)
    image[:, width // 2 :] = 255
    return grey(image)


def noise(height: int, width: int) -> np.ndarray:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def taskonomy_edge_texture(image: np.ndarray, sigma: float) -> np.ndarray:
    """`edge_texture` / 65535 by its definition, from SciPy and Pillow alone."""
    luma = np.asarray(Image.fromarray(image).convert("L")) / 255
    mass = ndimage.gaussian_filter(np.ones_like(luma), sigma, mode="constant")
    smooth = ndimage.gaussian_filter(luma, sigma, mode="constant") / mass
    gradient = [ndimage.sobel(smooth, axis) / 4 for axis in (0, 1)]
    edges = np.hypot(*gradient) / np.sqrt(2)
    edges[[0, -1], :] = 0
    edges[:, [0, -1]] = 0
    return edges


@pytest.mark.parametrize("width", [64, 128, 256, 512])
def test_full_step_is_one_at_every_width(width: int) -> None:
    edges = sobel_edges(step(16, width))
    # The two columns beside the step carry the peak; a row inside is free of the zeroed border.
    np.testing.assert_allclose(edges[8, width // 2 - 1 : width // 2 + 1], 1, atol=1e-5)
    assert edges.max() <= 1
    assert edges[8, 0] == 0


def test_contrast_is_proportional() -> None:
    full, half = step(16, 128), step(16, 128) // 255 * 102
    # 102 / 255 = 0.4 of the full contrast.
    np.testing.assert_allclose(sobel_edges(half), 0.4 * sobel_edges(full), atol=1e-5)


@pytest.mark.parametrize("value", [0, 130, 255])
def test_constant_image_has_no_edges_not_even_at_the_border(value: int) -> None:
    assert sobel_edges(np.full((20, 40, 3), value, np.uint8)).max() < 1e-5


def test_transposed_square_image_has_transposed_edges() -> None:
    image = noise(64, 64)
    np.testing.assert_allclose(
        sobel_edges(np.ascontiguousarray(image.transpose(1, 0, 2))), sobel_edges(image).T, atol=1e-5
    )


def test_constant_multiple_of_taskonomy_at_its_width() -> None:
    image = noise(64, 512)
    taskonomy = taskonomy_edge_texture(image, sigma=3)
    # A vertical step of the unnormalised filter: the two tallest of the Gaussian's taps,
    # exp(0) and exp(-1/18) over their sum sqrt(2 pi) * 3 = 7.52, divided by skimage's sqrt(2).
    response = (1 + np.exp(-1 / 18)) / 7.52 / np.sqrt(2)
    np.testing.assert_allclose(sobel_edges(image), np.minimum(taskonomy / response, 1), atol=4e-3)


def test_equals_the_definition_at_another_width() -> None:
    image = noise(96, 128)
    taskonomy = taskonomy_edge_texture(image, sigma=0.75)
    response = taskonomy_edge_texture(step(16, 128), sigma=0.75)[8].max()
    np.testing.assert_allclose(sobel_edges(image), np.minimum(taskonomy / response, 1), atol=8e-3)
