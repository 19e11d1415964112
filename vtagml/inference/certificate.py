"""How far a merged network is from the trained one."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor

from vtagml.inference.agreement import Difference, pyramid_difference

Tasks = tuple[str, ...]
Pyramid = list[Tensor]
"""Levels, and scores behind them where a network has a head."""
Read = Callable[[Tensor], Pyramid]
"""Takes images and returns their pyramid."""

EXACT, ROUNDED = 1e-10, 1e-5
"""Largest differences: absolute in float64, and relative in float32."""


def differences(
    trained: Callable[[Tensor], Mapping[str, Pyramid]],
    merged: Mapping[Tasks, Read],
    batches: Iterable[Tensor],
) -> dict[Tasks, Difference]:
    """Returns how far merged networks are from what was trained, at worst.

    Args:
        trained: Takes images and returns the pyramid of every task.
        merged: The networks, by the tasks whose pyramid each makes.
        batches: Of images, in the precision of all of them.
    """
    worst = dict.fromkeys(merged, Difference())
    for images in batches:
        pyramids = trained(images)
        for tasks, read in merged.items():
            found = read(images)
            for task in tasks:
                worst[tasks] = worst[tasks].or_worse(pyramid_difference(pyramids[task], found))
    return worst


def described(exact: Difference, rounded: Difference, tolerance: float) -> dict[str, Any]:
    """Returns what a certificate says of the differences."""
    merged = {"of": "the network merged in float64", "tolerance": {"absolute": EXACT}}
    file = {"of": "the network of the file", "tolerance": {"relative": tolerance}}
    return {"float64": {**exact._asdict(), **merged}, "float32": {**rounded._asdict(), **file}}


def check_exact(found: Mapping[Tasks, Difference]) -> None:
    """Raises an error if merging in float64 changed more than the last digits."""
    worst = max(each.absolute for each in found.values())
    if not worst <= EXACT:
        raise ValueError(
            f"The merged network must compute what the trained one does, within {EXACT:g} in "
            f"float64; found a difference of {worst:.3g}, so nothing was written. What was trained "
            "is more than what its tuning merges: `lightning export --to onnx` writes all of it."
        )


def check_rounded(found: Mapping[Tasks, Difference], tolerance: float) -> None:
    """Raises an error if the network of a file differs by more than rounding to float32 does."""
    worst = max(each.relative for each in found.values())
    if not worst <= tolerance:
        raise ValueError(
            f"The network of the file must compute what the trained one does, within {tolerance:g} "
            f"of the largest number of a level in float32; found {worst:.3g}, so nothing was "
            "written. In float64 they agree, so it is rounding: a larger `--tolerance` allows it."
        )
