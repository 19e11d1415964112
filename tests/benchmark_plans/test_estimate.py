import math

import pytest

from tests.benchmark_plans.plans import ROWS, cells_of, write_plan
from vtagml.benchmark.estimate import Estimate, duration

TESTED = {"name": "tested", "config": "scenes.yaml", "test": "base"}


def test_a_cell_takes_what_its_row_took() -> None:
    cells = cells_of(write_plan([*ROWS, TESTED]))
    estimate = Estimate({})
    assert math.isnan(estimate.of(cells["base/0"]))
    assert estimate.of(cells["tested/0"]) == 0
    estimate.learn(cells["base/0"], 10.0)
    estimate.learn(cells["other/0"], 40.0)
    assert estimate.of(cells["base/1"]) == 10
    third = cells_of(write_plan([*ROWS, {"name": "third", "config": "scenes.yaml"}]))["third/0"]
    assert estimate.of(third) == 25  # mean of the two trainings
    estimate.learn(cells["tested/0"], 3.0)
    assert estimate.of(third) == 25
    assert estimate.of(cells["tested/1"]) == 3


def test_the_time_that_remains() -> None:
    cells = cells_of(write_plan([*ROWS]))
    estimate = Estimate({})
    assert math.isnan(estimate.remaining([cells["base/0"]], {}, 1))
    estimate.learn(cells["base/0"], 10.0)
    estimate.learn(cells["other/0"], 40.0)
    waiting = [cells["base/1"], cells["other/1"]]
    assert estimate.remaining(waiting, {}, 1) == 50
    assert estimate.remaining(waiting, {}, 2) == 40  # not below the longest
    assert estimate.remaining([waiting[0]], {cells["other/1"]: 15.0}, 1) == 35
    assert estimate.remaining([], {cells["base/1"]: 15.0}, 1) == 0  # late, but not negative
    assert estimate.remaining([], {}, 1) == 0


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
