import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vtagml.drawing import matrix_grid, to_png

TWO = torch.tensor([[[1.0, -2.0]], [[0.0, 0.5]]])


def pictured(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.images]


def test_columns_and_rows_are_named() -> None:
    figure = matrix_grid({"a": TWO, "b": TWO}, ["depth", "edges"], "What", "channels")
    shown = pictured(figure)
    assert [axes.get_title() for axes in shown] == ["a", "b", "", ""]
    assert [axes.get_ylabel() for axes in shown] == ["depth", "", "edges", ""]
    assert [text.get_text() for text in figure.texts] == ["What", "channels"]


def test_one_range_of_colours_with_zero_in_its_middle() -> None:
    figure = matrix_grid({"a": TWO / 10, "b": TWO}, ["depth", "edges"], "What", "channels")
    # The largest value of all is 2, of b.
    assert {image.get_clim() for axes in pictured(figure) for image in axes.images} == {(-2, 2)}
    labels = [label.get_text() for label in figure.axes[-1].get_yticklabels()]
    assert labels == ["−2", "0", "2"]


def test_first_row_is_above() -> None:
    first, second = pictured(matrix_grid({"a": TWO}, ["depth", "edges"], "What", "channels"))
    assert first.get_position().y0 > second.get_position().y1
    np.testing.assert_array_equal(first.images[0].get_array(), TWO[0])


def test_long_names_have_room() -> None:
    figure = matrix_grid({"a": TWO}, ["semantic_segmentation", "edges"], "What", "channels")
    figure.draw_without_rendering()
    label = pictured(figure)[0].yaxis.label.get_window_extent()
    assert label.x0 > 0


def test_zeros_are_drawn() -> None:
    assert to_png(matrix_grid({"a": torch.zeros(1, 4, 4)}, ["depth"], "What", "tokens"))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"matrix for each of the 2 rows.*'b': \(1, 1, 2\)"):
        matrix_grid({"a": TWO, "b": TWO[:1]}, ["depth", "edges"], "What", "channels")


def test_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="`matrices` and `rows` must hold at least one"):
        matrix_grid({}, ["depth"], "What", "channels")
