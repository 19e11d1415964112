import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_percentage_error, root_mean_squared_error
from torch import Tensor
from torchmetrics import Metric

from vtagml.metrics import (
    AbsoluteRelativeError,
    DepthRange,
    ImageRootMeanSquareError,
    RootMeanSquareError,
    WithinRatio,
)


def images(*rows: list[float]) -> Tensor:
    """One image of one row of pixels per list."""
    return torch.tensor(rows)[:, None, None]


def value(metric: Metric, prediction: Tensor, target: Tensor) -> float:
    metric.update(prediction, target)
    return metric.compute().item()


# Errors 3 and 0 in the first image; 4 and an unknown pixel in the second.
PREDICTION = images([5.0, 4.0], [9.0, 1.0])
TARGET = images([2.0, 4.0], [5.0, torch.nan])


def test_rmse_is_pooled_over_all_pixels() -> None:
    # √((9 + 0 + 16) / 3)
    assert value(RootMeanSquareError(), PREDICTION, TARGET) == pytest.approx((25 / 3) ** 0.5)


def test_rmse_image_is_the_mean_over_images() -> None:
    # (√(9/2) + √16) / 2
    expected = (4.5**0.5 + 4) / 2
    assert value(ImageRootMeanSquareError(), PREDICTION, TARGET) == pytest.approx(expected)


def test_an_image_without_a_known_pixel_is_no_image() -> None:
    unknown = images([torch.nan, torch.nan])
    metric = ImageRootMeanSquareError()
    metric.update(PREDICTION[:1], unknown)
    assert value(metric, PREDICTION[:1], TARGET[:1]) == pytest.approx(4.5**0.5)


def test_abs_rel() -> None:
    # (3/2 + 0/4 + 4/5) / 3
    assert value(AbsoluteRelativeError(), PREDICTION, TARGET) == pytest.approx(2.3 / 3)


def test_delta1_is_strict_and_symmetric() -> None:
    # 1.25 is not below 1.25; 1.2 is, in both directions.
    prediction, target = images([1.25, 1.0, 1.2, 1.0]), images([1.0, 1.25, 1.0, 1.2])
    assert value(WithinRatio(), prediction, target) == 0.5
    assert value(WithinRatio(1.3), prediction, target) == 1


def test_agree_with_sklearn_and_numpy() -> None:
    prediction, target = torch.rand(2, 1, 5, 6) + 0.5, torch.rand(2, 1, 5, 6) + 0.5
    p, g = prediction.flatten().numpy(), target.flatten().numpy()
    assert value(RootMeanSquareError(), prediction, target) == pytest.approx(
        root_mean_squared_error(g, p), rel=1e-5
    )
    assert value(AbsoluteRelativeError(), prediction, target) == pytest.approx(
        mean_absolute_percentage_error(g, p), rel=1e-5
    )
    assert value(WithinRatio(), prediction, target) == pytest.approx(
        np.mean(np.maximum(p / g, g / p) < 1.25)
    )
    squares = ((prediction - target) ** 2).numpy().reshape(2, -1)
    assert value(ImageRootMeanSquareError(), prediction, target) == pytest.approx(
        np.sqrt(squares.mean(axis=1)).mean(), rel=1e-5
    )


def test_range_drops_targets_and_clamps_predictions() -> None:
    distances = DepthRange(minimum=1.0, maximum=10.0)
    # Targets 0.5 and 20 are outside; 1 and 10 are inside, their predictions clamped to 1 and 10.
    prediction, target = images([3.0, 0.1, 50.0, 3.0]), images([0.5, 1.0, 10.0, 20.0])
    metric = RootMeanSquareError(distances)
    assert value(metric, prediction, target) == 0
    assert metric.counts[1] == 2
    assert value(RootMeanSquareError(), prediction, target) > 0


def test_depth_that_is_not_positive_is_unknown() -> None:
    prediction, target = images([1.0, 1.0, 2.0]), images([0.0, -1.0, 1.0])
    assert value(AbsoluteRelativeError(), prediction, target) == 1


def test_large_sums_keep_their_digits() -> None:
    # 2²⁴ + 1 is not a float32: a float32 sum would drop the last image.
    metric = RootMeanSquareError()
    metric.update(images([4097.0]), images([1.0]))  # 4096² = 2²⁴
    metric.update(images([2.0]), images([1.0]))
    assert metric.counts[0] == 2**24 + 1


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ((0.0, None), r"`minimum` .* more than 0 metres, found 0.0"),
        ((None, -3.0), r"`maximum` .* more than 0 metres, found -3.0"),
        ((10.0, 1.0), r"`minimum` .* below `maximum`, found 10.0 and 1.0 metres"),
    ],
)
def test_range_rejects(limits: tuple[float | None, float | None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DepthRange(*limits)


def test_ratio_rejects() -> None:
    with pytest.raises(ValueError, match=r"`ratio` must be more than 1, found 1\.0"):
        WithinRatio(1.0)
