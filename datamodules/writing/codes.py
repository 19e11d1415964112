"""Labels as the integers of the datasets' files."""

import numpy as np
from jaxtyping import Float32, UInt16

HIGHEST = 65535
"""The largest code of a 16-bit file."""


def depth_codes(
    depth: Float32[np.ndarray, "height width"], codes_per_metre: int
) -> UInt16[np.ndarray, "height width"]:
    """Depth in steps of 1 / `codes_per_metre` metres; 65535 where unknown or beyond the range."""
    codes = np.rint(depth.astype(np.float64) * codes_per_metre)
    return np.where(codes < HIGHEST, codes, HIGHEST).astype(np.uint16)
