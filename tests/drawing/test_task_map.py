from io import BytesIO

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from vtagml.drawing import task_map, to_png
from vtagml.tasks import Depth, Normals, Segmentation


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def test_depth_has_a_bar_in_metres() -> None:
    figure = task_map(Depth(), torch.linspace(1.0, 3.0, 16).reshape(1, 4, 4))
    title, *ticks = words(figure)
    assert title == "depth"
    # Four values at equal distances from 1 to 3: 1, 1.67, 2.33, 3.
    assert ticks == ["1 m", "1.7 m", "2.3 m", "3 m"]


def test_the_bar_has_its_highest_value_on_the_right() -> None:
    depth = Depth()
    figure = task_map(depth, torch.linspace(1.0, 3.0, 16).reshape(1, 4, 4))
    _, bar = figure.axes[0].images
    far = depth.picture(torch.full((1, 1, 1, 1), 3.0)).flatten()
    np.testing.assert_allclose(bar.get_array()[0, -1], far)
    first, last = (text for text in figure.axes[0].texts if text.get_text() in ("1 m", "3 m"))
    assert first.get_position()[0] < last.get_position()[0]


def test_classes_have_a_legend_of_those_that_occur() -> None:
    figure = task_map(Segmentation(3), torch.tensor([[0, 0], [2, 2]]))
    assert words(figure) == ["segmentation", "class 0", "class 2"]


def test_many_classes_stay_inside_the_figure() -> None:
    figure = task_map(Segmentation(24), torch.arange(24).reshape(4, 6))
    assert len(words(figure)) == 25
    low, high = sorted(figure.axes[0].get_ylim())
    assert all(low <= text.get_position()[1] <= high for text in figure.axes[0].texts)


def test_normals_have_a_ball() -> None:
    normals = torch.zeros(3, 4, 4)
    normals[2] = -1.0
    figure = task_map(Normals(), normals, "a wall")
    assert words(figure)[0] == "a wall"
    _, ball = figure.axes[0].images
    assert ball.get_array().shape[-1] == 4  # clear around the ball
    assert ball.get_array()[0, 0, 3] == 0.0


def test_one_value_has_no_bar() -> None:
    figure = task_map(Depth(), torch.ones(1, 4, 4))
    assert words(figure) == ["depth"]


def test_it_is_a_picture() -> None:
    png = to_png(task_map(Depth(), torch.linspace(1.0, 3.0, 16).reshape(1, 4, 4)))
    with Image.open(BytesIO(png)) as found:
        assert np.asarray(found.convert("RGB")).std() > 30
