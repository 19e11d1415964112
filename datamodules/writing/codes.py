"""Labels as the integers of the datasets' files."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

HIGHEST = 65535
"""The largest code of a 16-bit file."""
NO_NORMAL = 128
"""All three codes of a pixel without normal: the middle, as in Taskonomy."""


def depth_codes(
    depth: Float32[np.ndarray, "height width"], codes_per_metre: int
) -> UInt16[np.ndarray, "height width"]:
    """Depth in steps of 1 / `codes_per_metre` metres; 65535 where unknown or beyond the range."""
    codes = np.rint(depth.astype(np.float64) * codes_per_metre)
    return np.where(codes < HIGHEST, codes, HIGHEST).astype(np.uint16)


def disparity_codes(
    depth: Float32[np.ndarray, "height width"], focal: float, baseline: float
) -> UInt16[np.ndarray, "height width"]:
    """Disparity of a stereo pair in 1/256 pixels, plus 1; 0 where unknown or out of range.

    Code 1 would be a disparity of 0, which is an infinite depth: that is written as 0, too.
    """
    codes = np.rint(256 * baseline * focal / depth.astype(np.float64)) + 1
    known = (codes > 1) & (codes <= HIGHEST)
    return np.where(known, codes, 0).astype(np.uint16)


def normal_codes(
    normals: Float32[np.ndarray, "height width 3"],
) -> UInt8[np.ndarray, "height width 3"]:
    """Each component from [-1, 1] to 0..255; (128, 128, 128) where unknown."""
    codes = np.rint((normals.astype(np.float64) + 1) * 127.5)
    return np.where(np.isnan(codes), NO_NORMAL, codes).astype(np.uint8)


def recoded(
    segmentation: UInt8[np.ndarray, "height width"],
    classes: tuple[tuple[str, tuple[int, int, int]], ...],
    ids: Mapping[str, int],
) -> UInt16[np.ndarray, "height width"]:
    """A scene's train ids as a dataset's ids, class by class name."""
    table = np.array([ids[name] for name, _ in classes], np.uint16)
    return table[segmentation]
