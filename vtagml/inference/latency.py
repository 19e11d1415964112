"""How much longer one thing takes than another, measured side by side."""

import statistics
import time
from collections.abc import Callable

ROUNDS = 9


def latency_ratio(
    first: Callable[[], object], second: Callable[[], object], rounds: int = ROUNDS
) -> float:
    """Returns the time of the second as a share of the first's, the median over rounds.

    Both run in each round, in turn the one or the other before, so that a machine that slows down
    slows both.
    """
    first(), second()  # allocations, lazy buffers
    ratios = []
    for number in range(rounds):
        order = (first, second) if number % 2 else (second, first)
        taken = {function: _seconds(function) for function in order}
        ratios.append(taken[second] / taken[first])
    return statistics.median(ratios)


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
