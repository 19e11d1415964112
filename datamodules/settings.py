"""Settings that several datasets have, checked: they come from files, where anything may stand."""

from collections.abc import Iterable, Sequence


def one_of(argument: str, value: str, choices: Iterable[str]) -> str:
    """Give a word back if it is one of those that an argument may have."""
    if value not in choices:
        raise ValueError(f"`{argument}` should be one of {list(choices)}, found {value!r}.")
    return value


def checked_depth_range(depth_range: Sequence[float]) -> tuple[float, float]:
    """Give the nearest and farthest depth in metres back if they are."""
    nearest, farthest = map(float, depth_range) if len(depth_range) == 2 else (0.0, 0.0)
    if not 0 <= nearest < farthest:
        raise ValueError(
            f"`depth_range` should be two rising numbers of metres, found {depth_range}."
        )
    return nearest, farthest


def checked_axes(axes: Sequence[int]) -> tuple[int, int, int]:
    """Give the signs of three axes back if they are."""
    if len(axes) != 3 or {abs(sign) for sign in axes} != {1}:
        raise ValueError(f"`normals_axes` should be three signs, each 1 or -1, found {list(axes)}.")
    x, y, z = axes
    return x, y, z
