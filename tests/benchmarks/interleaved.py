"""Times alternatives in turn, so that a machine that slows down slows all of them.

The ratios are there to be read. What is asserted is only what must never happen, with room for a
machine that is busy otherwise.
"""

import statistics
import time
from collections.abc import Callable, Mapping

import pytest

CLEARLY = 1.25
"""A median ratio further from 1 than this is no noise: the same code again has 0.95 to 1.05."""


def compare(
    benchmark: Callable[..., object],
    capsys: pytest.CaptureFixture[str],
    title: str,
    alternatives: Mapping[str, Callable[[], object]],
    rounds: int = 7,
) -> dict[str, float]:
    """Runs the alternatives in turn and prints each one's time as a ratio to the first.

    The order is reversed every other round. The ratio is the median over the rounds of the
    ratios within a round.
    """
    times: dict[str, list[float]] = {name: [] for name in alternatives}
    for function in alternatives.values():
        function()  # warm-up: allocations, kernels, lazy buffers

    def one_round() -> None:
        names = list(alternatives)
        if len(next(iter(times.values()))) % 2:
            names.reverse()
        for name in names:
            start = time.perf_counter()
            alternatives[name]()
            times[name].append(time.perf_counter() - start)

    benchmark.pedantic(one_round, rounds=rounds, iterations=1)  # type: ignore[attr-defined]
    base = times[next(iter(alternatives))]
    ratios = {
        name: statistics.median(own / other for own, other in zip(found, base, strict=True))
        for name, found in times.items()
    }
    benchmark.extra_info.update(ratios)  # type: ignore[attr-defined]
    with capsys.disabled():
        print(f"\n{title}")
        for name, ratio in ratios.items():
            milliseconds = 1000 * statistics.median(times[name])
            print(f"  {name:<45} {ratio:6.2f}   ({milliseconds:.0f} ms)")
    return ratios
