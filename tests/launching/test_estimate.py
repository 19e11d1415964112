import math

import pytest

from vtagml.launching import Estimate
from vtagml.launching.estimate import duration

BASE, OTHER, THIRD, TESTED = ("base", "fit"), ("other", "fit"), ("third", "fit"), ("a", "test")


def test_a_job_takes_what_its_narrowest_known_kind_took() -> None:
    estimate = Estimate()
    assert math.isnan(estimate.of(BASE))
    estimate.learn(BASE, 10.0)
    estimate.learn(OTHER, 40.0)
    assert estimate.of(BASE) == 10
    assert estimate.of(THIRD) == estimate.of(TESTED) == estimate.of(()) == 25
    estimate.learn(TESTED, 1.0)
    assert estimate.of(THIRD) == 25
    assert estimate.of(TESTED) == 1
    assert estimate.of(()) == 17


def test_the_time_that_remains() -> None:
    estimate = Estimate()
    assert math.isnan(estimate.remaining([BASE], [], 1))
    estimate.learn(BASE, 10.0)
    estimate.learn(OTHER, 40.0)
    assert estimate.remaining([BASE, OTHER], [], 1) == 50
    assert estimate.remaining([BASE, OTHER], [], 2) == 40  # not below the longest
    assert estimate.remaining([BASE], [(OTHER, 15.0)], 1) == 35
    assert estimate.remaining([], [(BASE, 15.0)], 1) == 0  # late, but not negative
    assert estimate.remaining([], [], 1) == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (math.nan, "unknown"),
        (9.4, "9 s"),
        (100.0, "2 min"),
        (3900.0, "1 h 05 min"),
        (3599.0, "1 h 00 min"),
    ],
)
def test_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
