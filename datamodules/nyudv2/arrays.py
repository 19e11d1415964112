"""What the arrays of several forms of NYUDv2 hold, in the units of samples."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, Shaped

from datamodules.disk.images import unreadable
from datamodules.disk.values import known_depth


def metres(
    file: Path, stored: Shaped[np.ndarray, "height width"], limits: tuple[float, float]
) -> Float32[np.ndarray, "height width"]:
    """Depth in metres: NaN where nothing was measured (0) or outside the limits."""
    if stored.dtype.kind != "f":
        raise unreadable(file, "hold depth in metres as floats", f"the type {stored.dtype}")
    if np.isinf(stored).any():
        raise unreadable(file, "hold finite depth", f"{np.isinf(stored).sum()} infinite values")
    wrong = np.isnan(stored) | (stored < 0)
    if wrong.any():
        found = f"{wrong.sum()} values that are NaN or negative"
        raise unreadable(file, "hold depth in metres, 0 where unknown", found)
    return known_depth(stored.astype(np.float32), limits)


def shares(file: Path, stored: Shaped[np.ndarray, "..."], what: str) -> Float32[np.ndarray, "..."]:
    """Values that have to lie in [0, 1]."""
    values = stored.astype(np.float32)
    if not ((values >= 0) & (values <= 1)).all():
        found = f"values from {values.min():.3g} to {values.max():.3g}"
        raise unreadable(file, f"hold {what} in [0, 1]", found)
    return values
