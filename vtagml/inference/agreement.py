"""How far an exported network is from the original."""

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from vtagml.tasks import Categorical, Task


class Difference(NamedTuple):
    """How far pyramids are apart.

    Attributes:
        absolute: The largest difference of two numbers.
        relative: The largest as a share of the largest number of its level.
    """

    absolute: float = 0.0
    relative: float = 0.0

    def or_worse(self, other: "Difference") -> "Difference":
        return Difference(*map(max, self, other))


def pyramid_difference(expected: Sequence[Tensor], found: Sequence[Tensor]) -> Difference:
    """Returns how far the levels of a pyramid are from those of the original."""
    worst = Difference()
    for level, same in zip(expected, found, strict=True):
        if level.shape != same.shape or level.dtype != same.dtype:
            return Difference(torch.inf, torch.inf)
        apart = float((level - same).abs().nan_to_num(nan=torch.inf).max())
        largest = float(level.abs().nan_to_num(nan=0.0).max())
        worst = worst.or_worse(Difference(apart, apart / max(largest, sys.float_info.min)))
    return worst


def difference(
    task: Task, map: Float[Tensor, "batch channels *size"], prediction: Shaped[Tensor, "..."]
) -> float:
    """Returns the largest difference of a prediction to that of the original's map.

    Numbers larger than one are compared by their share. Two class ids differ by as much as their
    scores do: where the two best scores are equal but for rounding, either is right.

    Args:
        task: What the map means.
        map: The original's.
        prediction: The exported network's prediction.
    """
    expected = task.predict(map)
    if expected.shape != prediction.shape or expected.dtype != prediction.dtype:
        return torch.inf
    if expected.is_floating_point():
        apart = (expected - prediction).abs() / expected.abs().clamp(min=1)
    else:
        scores = cast(Categorical, task).scores(map)
        places = (ids[:, None].clamp(max=scores.shape[1] - 1) for ids in (expected, prediction))
        best, taken = (scores.gather(1, own) for own in places)
        apart = best - taken
    return float(apart.nan_to_num(nan=torch.inf).max())


def probe_images(
    batches: tuple[int, ...], size: tuple[int, int]
) -> Iterator[Float[Tensor, "batch 3 height width"]]:
    """Yields batches of images to compare on: noise, and slopes of colour under it.

    Their random numbers are their own, so nobody else's change.
    """
    random = torch.Generator().manual_seed(0)
    slope = torch.linspace(0, 1, size[0])[:, None] * torch.linspace(1, 0, size[1])
    for batch in batches:
        noise = torch.rand(batch, 3, *size, generator=random)
        yield noise
        yield (slope + 0.1 * noise).clamp(0, 1)
