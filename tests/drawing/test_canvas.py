from io import BytesIO

import matplotlib
import torch
from matplotlib import pyplot
from PIL import Image

from vtagml.drawing import affinity_heatmaps, prediction_grid
from vtagml.drawing.canvas import line_style, new_figure, shortened, to_jpeg, to_png


def test_png_has_the_size_of_the_figure_and_empties_it() -> None:
    figure = new_figure(2.0, 1.0)
    figure.add_subplot()
    with Image.open(BytesIO(to_png(figure))) as picture:
        assert picture.size == (300, 150)
    assert figure.axes == []


def test_jpeg_of_photos_is_smaller() -> None:
    figures = [new_figure(2.0, 1.0) for _ in range(2)]
    for figure in figures:
        figure.add_axes((0, 0, 1, 1)).imshow(torch.rand(100, 200, 3).numpy())
    jpeg, png = to_jpeg(figures[0], 100), to_png(figures[1], 100)
    with Image.open(BytesIO(jpeg)) as first, Image.open(BytesIO(png)) as second:
        assert first.size == second.size == (200, 100)
    assert len(jpeg) < 0.7 * len(png)
    assert figures[0].axes == []


def test_twelve_lines_look_different() -> None:
    assert len({tuple(line_style(index).items()) for index in range(12)}) == 12


def test_long_names_that_begin_alike_stay_apart() -> None:
    names = [f"scenes_sdne+progressive, scenes_sdne+progressive{which}/0" for which in ("", "_s")]
    first, second = map(shortened, names)
    assert first != second
    assert len(first) == len(second) == 44
    assert shortened("$a$") == r"\$a\$"


def test_nothing_global_is_touched() -> None:
    before = dict(matplotlib.rcParams)
    to_png(affinity_heatmaps(torch.eye(2), torch.eye(2), ["a", "b"], "title"))
    to_png(prediction_grid({"image": torch.rand(1, 3, 4, 4)}, {}, {}))
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []
