"""Times as ratios, on a clock that the test moves."""

from collections.abc import Callable

import pytest

from vtagml.inference import stream


class Clock:
    """Goes on by what each call costs; everything takes longer from round to round."""

    def __init__(self) -> None:
        self.now, self.calls, self.order = 0.0, 0, ""

    def work(self, name: str, seconds: float) -> None:
        self.order += name
        self.calls += 1
        self.now += seconds * (1 + self.calls // 2)

    def taken(self, function: Callable[[], object], number: int) -> float:
        before = self.now
        for _ in range(number):
            function()
        return self.now - before


def test_two_functions_are_timed_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(stream, "timeit", clock.taken)
    monkeypatch.setattr(stream, "ROUNDS", 101)

    times = stream.side_by_side(lambda: clock.work("a", 2.0), lambda: clock.work("b", 1.0))

    assert times.ratio == pytest.approx(0.5, rel=0.02)  # though the last takes 50 times the first
    # Of the round in the middle, the 51st, in which calls take 52 times the seconds.
    assert times.first == pytest.approx(104, rel=0.02)
    assert times.second == pytest.approx(52, rel=0.02)
    assert clock.order[:2] == "ab"  # not timed
    assert clock.order[2:10] == "baabbaab"  # neither has the better place
    assert len(clock.order) == 2 * 102
