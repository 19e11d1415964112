import numpy as np
import pytest

from vtagml.drawing import conflict_course
from vtagml.drawing.conflict_course import REACH, running_mean

PLACES = {"shared": "of shared parameters", "fork": "at the fork"}


def test_a_panel_per_pair_with_dots_and_a_line_per_place() -> None:
    history = [
        {"step": 0, "shared": [-0.5, 0.1, None], "fork": [0.2, 0.3, 0.4]},
        {"step": 50, "shared": [0.25, 0.1, 0.9], "fork": [0.2, 0.3, 0.4]},
        {"step": 100, "fork": [0.2, 0.3, 0.4]},
    ]
    figure = conflict_course(history, ["a", "b", "c"], PLACES)
    assert [axes.get_title() for axes in figure.axes] == ["a and b", "a and c", "b and c"]
    dots, line, at_fork, _, _ = figure.axes[0].lines  # the last one is zero
    assert dots.get_xydata().tolist() == [[0, -0.5], [50, 0.25]]
    assert line.get_ydata() == pytest.approx([-0.125, -0.125])
    assert at_fork.get_xdata().tolist() == [0, 50, 100]
    assert np.isnan(figure.axes[2].lines[0].get_ydata()[0])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(PLACES.values())


def test_only_what_was_measured_is_named() -> None:
    figure = conflict_course([{"step": 0, "fork": [0.5]}], ["a", "b"], PLACES)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["at the fork"]
    assert conflict_course([], ["a", "b"], PLACES).legends == []


@pytest.mark.parametrize("length", [1, 2, 5, 30])
def test_the_line_is_a_mean_of_neighbours(length: int) -> None:
    values = np.random.default_rng(0).normal(size=length)
    values[length // 3] = np.nan
    found = running_mean(values)
    for place in range(length):
        around = values[max(0, place - REACH) : place + REACH + 1]
        expected = np.nan if np.isnan(around).all() else np.nanmean(around)
        assert found[place] == pytest.approx(expected, nan_ok=True)
