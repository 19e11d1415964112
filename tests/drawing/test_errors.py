import math

import numpy as np
import pytest
import torch

from vtagml.drawing.errors import RIGHT, WRONG, error_pictures, highest_shown
from vtagml.tasks import Classification, Depth, Segmentation
from vtagml.tasks.key import Key
from vtagml.tasks.palette import ramp


def drawn(*given: object) -> tuple[torch.Tensor, Key]:
    found = error_pictures(*given)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_classes_are_right_or_wrong() -> None:
    pictures, key = drawn(
        Segmentation(3), torch.tensor([[[0, 1, 2]]]), torch.tensor([[[0, 2, 255]]])
    )
    right, wrong, unknown = pictures[0, :, 0].T
    np.testing.assert_allclose(right, RIGHT)
    np.testing.assert_allclose(wrong, WRONG)
    np.testing.assert_allclose(unknown, 0.5)
    assert key.legend == [("right", RIGHT), ("wrong", WRONG)]


def test_a_few_outliers_do_not_blacken_the_rest() -> None:
    target = torch.zeros(1, 1, 10, 100)
    prediction = torch.full_like(target, 0.1)
    prediction[0, 0, 0, :5] = 50.0  # 5 of 1,000 pixels
    assert highest_shown((prediction - target).abs()) == pytest.approx(0.1)
    pictures, key = drawn(Depth(), prediction, target)
    assert torch.equal(pictures[0, :, 5, 5], ramp("magma")[-1])
    assert key.bar is not None
    assert key.bar.ticks[-1] == "≥ 0.1 m"


def test_errors_of_few_pixels_are_seen() -> None:
    error = torch.zeros(1, 1, 10, 100)
    error[0, 0, 0, 0] = 2.0  # too few for the share that sets the scale
    assert highest_shown(error) == 2.0


@pytest.mark.parametrize("wrong", [0.0, math.nan])
def test_without_a_known_error_there_is_no_scale(wrong: float) -> None:
    pictures, key = drawn(Depth(), torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), wrong))
    assert key.bar is None
    assert pictures.isfinite().all()


def test_images_have_no_errors_per_pixel() -> None:
    task = Classification("birds", 3)
    assert error_pictures(task, torch.tensor([1]), torch.tensor([2])) is None
