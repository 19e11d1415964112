"""How wrong each pixel is, as each task says."""

import math

import numpy as np
import pytest
import torch

from vtagml.tasks import Depth, Edges, Normals, Segmentation


def vector(*components: float) -> torch.Tensor:
    return torch.tensor(components)[None, :, None, None]


def test_depth_is_wrong_by_metres() -> None:
    target = torch.tensor([1.0, 2.0, math.nan])[None, None, None]
    error = Depth().error(torch.tensor([1.5, 1.0, 3.0])[None, None, None], target)
    np.testing.assert_allclose(error.flatten(), [0.5, 1.0, math.nan])
    assert Depth().error_unit == "m"
    assert Edges().error_unit == ""


def test_normals_are_wrong_by_an_angle() -> None:
    # Between x and the diagonal of x and y there are 45 degrees.
    error = Normals().error(vector(1.0, 0.0, 0.0), vector(0.5**0.5, 0.5**0.5, 0.0))
    assert error.item() == pytest.approx(45.0, abs=1e-3)
    assert Normals().error(vector(1.0, 0.0, 0.0), vector(math.nan, 0.0, 0.0)).isnan().all()
    assert Normals().error_unit == "°"


def test_classes_are_right_or_wrong() -> None:
    error = Segmentation(3).error(torch.tensor([[[0, 1, 2]]]), torch.tensor([[[0, 2, 255]]]))
    np.testing.assert_array_equal(error.flatten(), [0.0, 1.0, math.nan])
    assert Segmentation(3).error_unit is None
