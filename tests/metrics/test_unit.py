import math

from vtagml.metrics import Unit, degrees, percent


def test_shares_are_written_in_percent() -> None:
    assert percent("mIoU").written(0.5) == "50.00"
    assert percent("mIoU").heading(True, "segmentation") == "segmentation mIoU % ↑"


def test_others_are_written_as_they_are() -> None:
    assert Unit("abs_rel").written(-0.1234) == "−0.123"
    assert Unit("abs_rel").heading(None) == "abs_rel"
    assert degrees("mErr").written(41.25) == "41.25"
    assert degrees("mErr").heading(False) == "mErr ° ↓"


def test_what_is_no_number_is_a_dash() -> None:
    assert Unit("x").written(math.nan) == Unit("x").written(math.inf) == "–"
