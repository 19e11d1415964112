import math

import pytest

from vtagml.metrics import delta_m

HIGHER = {"segmentation": True, "depth": False}


def test_golden() -> None:
    # mIoU 0.4 -> 0.5 is +25 %; RMSE 2 -> 1.5 is 25 % less, which is better; 0.5 -> 0.6 is worse.
    baseline = {"segmentation": 0.4, "depth": 2.0}
    better = {"segmentation": 0.5, "depth": 1.5}
    assert delta_m(better, baseline, HIGHER) == pytest.approx(25)
    assert delta_m({"segmentation": 0.5, "depth": 2.4}, baseline, HIGHER) == pytest.approx(2.5)


def test_a_negative_baseline_rises_when_the_result_does() -> None:
    # A correlation of -0.5 that becomes 0 is better, by the whole of its size.
    assert delta_m({"match": 0.0}, {"match": -0.5}, {"match": True}) == pytest.approx(100)


def test_no_change_is_zero() -> None:
    results = {"segmentation": 0.4, "depth": 2.0}
    assert delta_m(results, results, HIGHER) == 0


def test_unit_and_order_do_not_matter() -> None:
    change = delta_m(
        {"segmentation": 0.5, "depth": 1.5}, {"segmentation": 0.4, "depth": 2.0}, HIGHER
    )
    percent = delta_m(
        {"depth": 150.0, "segmentation": 50.0}, {"segmentation": 40.0, "depth": 200.0}, HIGHER
    )
    assert percent == pytest.approx(change)


def test_a_missing_result_is_not_hidden() -> None:
    baseline = {"segmentation": 0.4, "depth": 2.0}
    assert math.isnan(delta_m({"segmentation": math.nan, "depth": 2.0}, baseline, HIGHER))


@pytest.mark.parametrize(
    "results", [{}, {"segmentation": 0.4}, {"segmentation": 1.0, "normals": 2.0}]
)
def test_rejects_other_tasks(results: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must name the same tasks"):
        delta_m(results, {"segmentation": 0.4, "depth": 2.0}, HIGHER)


def test_rejects_no_tasks() -> None:
    with pytest.raises(ValueError, match="at least one"):
        delta_m({}, {}, {})


def test_rejects_a_baseline_of_zero() -> None:
    with pytest.raises(ValueError, match="`baseline` of depth must not be 0"):
        delta_m({"depth": 1.0}, {"depth": 0.0}, {"depth": False})
