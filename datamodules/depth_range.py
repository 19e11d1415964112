"""The setting of which depths are known."""

from collections.abc import Sequence


def checked_depth_range(depth_range: Sequence[float]) -> tuple[float, float]:
    """Give the nearest and farthest depth in metres back if they are."""
    # Settings come from files, where a list may be of any length.
    nearest, farthest = map(float, depth_range) if len(depth_range) == 2 else (0.0, 0.0)
    if not 0 <= nearest < farthest:
        raise ValueError(
            f"`depth_range` should be two rising numbers of metres, found {depth_range}."
        )
    return nearest, farthest
