from io import BytesIO

import matplotlib
import torch
from matplotlib import pyplot
from PIL import Image

from vtagml.drawing import affinity_heatmap, prediction_grid
from vtagml.drawing.canvas import line_style, new_figure, to_png


def test_png_has_the_size_of_the_figure_and_empties_it() -> None:
    figure = new_figure(2.0, 1.0)
    figure.add_subplot()
    with Image.open(BytesIO(to_png(figure))) as picture:
        assert picture.size == (300, 150)
    assert figure.axes == []


def test_twelve_lines_look_different() -> None:
    assert len({tuple(line_style(index).items()) for index in range(12)}) == 12


def test_nothing_global_is_touched() -> None:
    before = dict(matplotlib.rcParams)
    to_png(affinity_heatmap(torch.eye(2), ["a", "b"], "title"))
    to_png(prediction_grid({"image": torch.rand(1, 3, 4, 4)}, {}, {}))
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []
