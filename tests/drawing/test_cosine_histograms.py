import numpy as np
import pytest

from vtagml.drawing import cosine_histograms
from vtagml.drawing.cosine_histograms import AGREEMENT, BARS_PER_SIDE, CONFLICT, zoomed


def test_a_panel_per_pair_with_conflicts_in_their_colour() -> None:
    counts = np.zeros((3, 3, 4))
    counts[0, 2] = 1, 2, 3, 4
    figure = cosine_histograms(counts, ["a", "b", "c"])
    assert [axes.get_title() for axes in figure.axes] == ["a and b", "a and c", "b and c"]
    bars = figure.axes[1].patches
    heights = {float(bar.get_x()): bar.get_height() for bar in bars if bar.get_height()}
    assert list(heights.values()) == pytest.approx([10.0, 20.0, 30.0, 40.0])
    assert [place < 0 for place in heights] == [True, True, False, False]
    colours = {bar.get_x() < 0: bar.get_facecolor() for bar in bars}
    assert colours[True] != colours[False]
    assert CONFLICT != AGREEMENT
    assert figure.axes[1].texts[0].get_text() == "30% below 0"
    assert figure.axes[0].texts[0].get_text() == "never observed"


def test_small_cosines_are_magnified() -> None:
    counts = np.zeros((1, 200))
    counts[0, 96], counts[0, 102] = 1, 3  # In [-0.04, -0.03) and [0.02, 0.03).
    bars, limit = zoomed(counts)
    assert limit == pytest.approx(0.2)  # Twenty bars of one bin on each side.
    assert {int(place): bars[0, place] for place in bars[0].nonzero()[0]} == {16: 1, 22: 3}


@pytest.mark.parametrize("bins", [2, 40, 46, 200])
def test_bars_hold_all_counts_on_their_side_of_zero(bins: int) -> None:
    counts = np.random.default_rng(0).integers(1, 9, (3, bins)).astype(float)
    bars, limit = zoomed(counts)
    half = bars.shape[1] // 2
    assert half <= BARS_PER_SIDE
    assert limit >= 1
    assert bars[:, :half].sum(1).tolist() == counts[:, : bins // 2].sum(1).tolist()
    assert bars[:, half:].sum(1).tolist() == counts[:, bins // 2 :].sum(1).tolist()


def test_one_task_has_no_conflict() -> None:
    with pytest.raises(ValueError, match="`tasks` must be at least two"):
        cosine_histograms(np.zeros((1, 1, 4)), ["a"])
