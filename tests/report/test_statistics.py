import math

import pytest

from vtagml.report import Spread


def test_mean_and_deviation_by_hand() -> None:
    # Mean 7/3; squares (16 + 1 + 25) / 9 = 14/3, halved 7/3.
    spread = Spread.of([1.0, 2.0, 4.0])
    assert spread.mean == pytest.approx(7 / 3, rel=1e-15)
    assert spread.deviation == pytest.approx(math.sqrt(7 / 3), rel=1e-15)


def test_one_number_has_no_deviation() -> None:
    assert Spread.of([0.3]) == Spread(0.3, None)


def test_a_failed_seed_does_not_vanish() -> None:
    assert math.isnan(Spread.of([1.0, math.nan]).mean)


def test_no_number() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Spread.of([])
