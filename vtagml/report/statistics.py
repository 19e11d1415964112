"""Mean and spread over seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LARGEST = 1e150  # The squares of larger numbers are none.


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a few numbers.

    Attributes:
        mean: NaN when one of the numbers is, or is beyond measure: a failed seed must not vanish
            in a mean.
        deviation: Of the sample, with n - 1 below the root; None for a single number.
    """

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        if not values:
            raise ValueError("`values` must hold at least one number, found none.")
        if len(values) > 1 and not all(abs(value) < LARGEST for value in values):
            return cls(math.nan, math.nan)
        mean = math.fsum(values) / len(values)
        if len(values) == 1:
            return cls(mean, None)
        squares = math.fsum((value - mean) ** 2 for value in values)
        return cls(mean, math.sqrt(squares / (len(values) - 1)))
