import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cosine
from torch import Tensor
from torchmetrics import Metric

from vtagml.metrics import AngularError, MedianAngularError, WithinAngle, angular_error


def pixels(*vectors: tuple[float, float, float]) -> Tensor:
    """One image of one row of pixels."""
    return torch.tensor(vectors).T[None, :, None]


def tilted(*degrees: float) -> Tensor:
    """Normals that face the camera but for a turn about the vertical."""
    radians = [math.radians(angle) for angle in degrees]
    return pixels(*((math.sin(angle), 0.0, -math.cos(angle)) for angle in radians))


def value(metric: Metric, prediction: Tensor, target: Tensor) -> float:
    metric.update(prediction, target)
    return metric.compute().item()


def random(count: int = 40) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(2, 3, 4, count // 4), dim=1)


def test_golden() -> None:
    # 10, 20 and 60 degrees off; the fourth pixel is unknown.
    prediction = tilted(10, 20, 60, 90)
    target = tilted(0, 0, 0, math.nan)
    assert value(AngularError(), prediction, target) == pytest.approx(30, abs=1e-5)
    assert value(MedianAngularError(), prediction, target) == pytest.approx(20, abs=0.05)
    assert value(WithinAngle(11.25), prediction, target) == pytest.approx(1 / 3)
    assert value(WithinAngle(22.5), prediction, target) == pytest.approx(2 / 3)


@pytest.mark.parametrize("degrees", [0, 1e-4, 0.01, 45, 90, 135, 179.99, 180])
def test_is_accurate_at_all_angles(degrees: float) -> None:
    angle, valid = angular_error(tilted(degrees).double(), tilted(0).double())
    assert valid.all()
    # Labels are float32, whose own rounding is 1e-7 of a radian.
    assert angle.item() == pytest.approx(degrees, abs=1e-5)


def test_agrees_with_scipy() -> None:
    prediction, target = random(), random()
    rows = (map.movedim(1, -1).reshape(-1, 3).double().numpy() for map in (prediction, target))
    angles = [math.degrees(math.acos(1 - cosine(p, g))) for p, g in zip(*rows, strict=True)]
    assert value(AngularError(), prediction, target) == pytest.approx(np.mean(angles), abs=1e-4)
    assert value(MedianAngularError(), prediction, target) == pytest.approx(
        np.median(angles), abs=np.ptp(np.sort(angles)[len(angles) // 2 - 1 :][:2]) + 0.05
    )
    assert value(WithinAngle(30.0), prediction, target) == np.mean(np.array(angles) < 30)


def test_is_unchanged_when_both_are_flipped() -> None:
    prediction, target = random(), random()
    target[0, :, 0] = torch.nan

    def flip(normals: Tensor) -> Tensor:
        return normals.flip(-1) * torch.tensor([-1.0, 1.0, 1.0])[:, None, None]

    value_before = value(AngularError(), prediction, target)
    assert value(AngularError(), flip(prediction), flip(target)) == pytest.approx(value_before)
    # The flip without the sign is another scene.
    assert value(AngularError(), prediction.flip(-1), flip(target)) != pytest.approx(value_before)


def test_length_does_not_matter() -> None:
    prediction, target = random(), random()
    assert value(AngularError(), 7 * prediction, target) == pytest.approx(
        value(AngularError(), prediction, target)
    )


def test_a_normal_whose_components_sum_to_zero_is_known() -> None:
    target = pixels((0.5**0.5, 0.0, -(0.5**0.5)))
    assert value(AngularError(), -target, target) == pytest.approx(180)


def test_a_zero_vector_is_a_right_angle_away() -> None:
    assert value(AngularError(), pixels((0.0, 0.0, 0.0)), tilted(30)) == pytest.approx(90)


def test_median_of_opposite_normals_is_inside_the_histogram() -> None:
    assert value(MedianAngularError(), -random(), random()) <= 180
    assert value(MedianAngularError(), tilted(180), tilted(0)) == pytest.approx(180, abs=0.05)


def test_a_prediction_that_is_not_a_number_is_not_hidden() -> None:
    prediction, target = tilted(math.nan, math.nan, 0), tilted(0, 0, 0)
    assert math.isnan(value(AngularError(), prediction, target))
    assert value(MedianAngularError(), prediction, target) > 179
    assert value(WithinAngle(30.0), prediction, target) == pytest.approx(1 / 3)


@pytest.mark.parametrize("degrees", [0.0, -5.0, 181.0])
def test_limit_rejects(degrees: float) -> None:
    with pytest.raises(ValueError, match=f"`degrees` must be .* found {degrees}"):
        WithinAngle(degrees)
