import math

import numpy as np
import pytest
import torch

from vtagml.drawing.direction_key import direction_key
from vtagml.drawing.errors import (
    RIGHT,
    WRONG,
    are_directions,
    error_pictures,
    error_ramp,
    errors,
)
from vtagml.tasks import Classification, Depth, Normals, Segmentation


def vector(*components: float) -> torch.Tensor:
    return torch.tensor(components)[None, :, None, None]


def test_depth_is_wrong_by_metres() -> None:
    target = torch.tensor([1.0, 2.0, math.nan])[None, None, None]
    found = errors(Depth(), torch.tensor([1.5, 1.0, 3.0])[None, None, None], target)
    assert found is not None
    np.testing.assert_allclose(found.values.flatten(), [0.5, 1.0, math.nan])
    assert found.unit == "m"


def test_normals_are_wrong_by_an_angle() -> None:
    # Between x and the diagonal of x and y there are 45 degrees.
    found = errors(Normals(), vector(1.0, 0.0, 0.0), vector(0.5**0.5, 0.5**0.5, 0.0))
    assert found is not None
    assert found.values.item() == pytest.approx(45.0, abs=1e-3)
    assert found.unit == "°"


def test_three_channels_that_are_no_directions_differ_by_their_mean() -> None:
    found = errors(Normals(), vector(1.0, 2.0, 3.0), vector(1.0, 2.0, 9.0))
    assert found is not None
    assert found.values.item() == pytest.approx(2.0)  # (0 + 0 + 6) / 3
    assert found.unit == ""


def test_classes_are_right_or_wrong() -> None:
    found = errors(Segmentation(3), torch.tensor([[[0, 1, 2]]]), torch.tensor([[[0, 2, 255]]]))
    assert found is not None
    assert found.unit is None
    right, wrong, unknown = error_pictures(found)[0, :, 0].T
    np.testing.assert_allclose(right, RIGHT)
    np.testing.assert_allclose(wrong, WRONG)
    np.testing.assert_allclose(unknown, 0.5)


def test_a_few_outliers_do_not_blacken_the_rest() -> None:
    target = torch.zeros(1, 1, 10, 100)
    prediction = torch.full_like(target, 0.1)
    prediction[0, 0, 0, :5] = 50.0  # 5 of 1,000 pixels
    found = errors(Depth(), prediction, target)
    assert found is not None
    assert found.highest == pytest.approx(0.1)
    picture = error_pictures(found)
    assert torch.equal(picture[0, :, 5, 5], error_ramp()[-1])


def test_errors_of_few_pixels_are_seen() -> None:
    target = torch.zeros(1, 1, 10, 100)
    prediction = target.clone()
    prediction[0, 0, 0, 0] = 2.0  # too few for the share that sets the scale
    found = errors(Depth(), prediction, target)
    assert found is not None
    assert found.highest == 2.0


@pytest.mark.parametrize("wrong", [0.0, math.nan])
def test_without_a_known_error_there_is_no_scale(wrong: float) -> None:
    found = errors(Depth(), torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), wrong))
    assert found is not None
    assert found.highest == 0.0
    assert error_pictures(found).isfinite().all()


def test_images_have_no_errors_per_pixel() -> None:
    assert errors(Classification("birds", 3), torch.tensor([1]), torch.tensor([2])) is None


def test_directions_have_length_one() -> None:
    assert are_directions(vector(0.0, 0.6, 0.8))
    assert not are_directions(vector(0.0, 0.6, 0.9))
    assert not are_directions(vector(1.0))
    assert not are_directions(torch.full((1, 3, 1, 1), math.nan))


def test_the_ball_shows_its_own_normals() -> None:
    ball = direction_key(Normals(), side=101)
    # Towards the eye is blue, right is red, up is green; around the ball it is grey.
    np.testing.assert_allclose(ball[:, 50, 50], [0.5, 0.5, 1.0], atol=0.02)
    assert ball[0, 50, 99] > 0.95
    assert ball[1, 1, 50] > 0.95
    np.testing.assert_allclose(ball[:, 0, 0], 0.5)
