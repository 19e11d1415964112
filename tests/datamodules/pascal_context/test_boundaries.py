import numpy as np
import pytest
from scipy import ndimage

from datamodules.pascal_context.boundaries import boundaries


def test_one_region_has_no_boundary() -> None:
    assert not boundaries(np.full((8, 9), 7, np.uint16)).any()


def test_a_line_lies_beside_or_on_each_border_and_is_one_pixel_wide() -> None:
    regions = np.full((20, 20), 3, np.uint16)
    regions[:, 10:] = 459
    line = boundaries(regions)
    assert line.dtype == np.float32
    assert (line[2:-2].sum(axis=1) == 1).all()
    assert (line[2:-2, 9:11].sum(axis=1) == 1).all()


def test_a_strip_of_one_pixel_between_equal_steps_has_none() -> None:
    # 100, 200, 300: the second difference is 0 on the strip, and not beside it.
    regions = np.full((12, 21), 100, np.uint16)
    regions[:, 10] = 200
    regions[:, 11:] = 300
    assert not boundaries(regions)[:, 10].any()
    regions[:, 10] = 250
    assert boundaries(regions)[:, 9:12].any()


@pytest.mark.parametrize("seed", range(3))
def test_lines_are_thin_and_part_what_the_laplacian_parts(seed: int) -> None:
    random = np.random.default_rng(seed)
    blobs = ndimage.zoom(random.random((6, 7)), 8, order=1)
    regions = np.digitize(blobs, [0.3, 0.5, 0.7]).astype(np.uint16) * 50 + 1
    line = boundaries(regions) > 0
    bends = ndimage.laplace(regions.astype(np.float64), mode="mirror") != 0
    assert (bends | ~line).all()  # on the bands of the Laplacian alone
    # As many pieces as before, and nowhere a square of four.
    eight = np.ones((3, 3))
    assert ndimage.label(line, eight)[1] == ndimage.label(bends, eight)[1]
    square = line[1:, 1:] & line[1:, :-1] & line[:-1, 1:] & line[:-1, :-1]
    assert square.sum() <= 2
    assert line.sum() < 0.75 * bends.sum()
