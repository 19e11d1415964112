import numpy as np
import pytest
import torch

from vtagml.tasks import Depth, Edges, Normals, Segmentation, Task
from vtagml.tasks.key import NO_KEY, ColourBar
from vtagml.tasks.normals import ball


def bar_of(task: Task, *values: float) -> ColourBar | None:
    map = torch.tensor(values).view(1, 1, 1, -1)
    return task.key(map).bar


def test_bar_from_the_lowest_to_the_highest_value() -> None:
    bar = bar_of(Depth(), 1.0, 2.0, torch.nan)
    assert bar is not None
    # Spaced evenly, because 2 m is less than four times 1 m.
    assert bar.ticks == ["1 m", "1.3 m", "1.7 m", "2 m"]
    ends = Depth().picture(torch.tensor([1.0, 2.0]).view(2, 1, 1, 1))[:, :, 0, 0]
    assert torch.equal(bar.colours[0, [0, -1]], ends)


def test_bar_of_a_wide_range_is_logarithmic() -> None:
    bar = bar_of(Depth(), 1.0, 1000.0)
    assert bar is not None
    assert bar.ticks == ["1 m", "10 m", "100 m", "1000 m"]


def test_bar_from_next_to_nothing_begins_with_zero() -> None:
    bar = bar_of(Edges(), 1e-5, 0.9)
    assert bar is not None
    # A logarithm would spend most of the bar on what looks black.
    assert bar.ticks == ["0", "0.3", "0.6", "0.9"]


@pytest.mark.parametrize("value", [1.0, torch.nan])
def test_no_bar_without_a_range(value: float) -> None:
    assert bar_of(Depth(), value, value) is None


def test_several_channels_have_no_bar() -> None:
    values = torch.rand(1, 2, 4, 4)
    assert Edges().key(values) == NO_KEY


def test_classes_have_a_legend_of_those_that_occur() -> None:
    task, ids = Segmentation(3), torch.tensor([[[0, 2, 255]]])
    assert [name for name, _ in task.key(ids).legend] == ["class 0", "class 2"]


def test_the_ball_shows_its_own_normals() -> None:
    picture = Normals().picture(ball(101)[None])[0]
    # Towards the eye is blue, right is red, up is green; around the ball it is grey.
    np.testing.assert_allclose(picture[:, 50, 50], [0.5, 0.5, 1.0], atol=0.02)
    assert picture[0, 50, 99] > 0.95
    assert picture[1, 1, 50] > 0.95
    np.testing.assert_allclose(picture[:, 0, 0], 0.5)


def test_directions_that_are_no_unit_vectors_have_a_ball_too() -> None:
    # What a network predicts needs no length of one for the key to be known.
    values = torch.rand(1, 3, 4, 4)
    assert Normals().key(values).ball is not None
