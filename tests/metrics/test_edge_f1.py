import warnings

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from torch import Tensor
from torchmetrics import Metric

from vtagml.metrics import EdgeF1, EdgeMacroF1


def row(*values: float) -> Tensor:
    return torch.tensor(values)[None, None, None]


def value(metric: Metric, prediction: Tensor, target: Tensor) -> float:
    metric.update(prediction, target)
    return metric.compute().item()


def test_best_threshold_golden() -> None:
    # Edges (target from 0.2): the first three. From 0.61 to 0.7 on: 2 of 3 found, nothing false,
    # F1 = 4 / (4 + 1) = 0.8. Down to 0.1 the third is found with two false: 6 / (6 + 2) = 0.75.
    prediction = row(0.9, 0.705, 0.105, 0.605, 0.305, 0.95)
    target = row(1.0, 0.2, 0.5, 0.19, 0.0, torch.nan)
    assert value(EdgeF1(0.2), prediction, target) == pytest.approx(0.8)
    # With 0.6 only the first is an edge, and 0.8 finds it alone.
    assert value(EdgeF1(0.6), prediction, target) == 1


def test_macro_golden() -> None:
    # Both cut at 0.2. Edge: 1 hit, 1 miss, 1 false: 2 / 4. Not edge: 2 hits, 1 + 1: 4 / 6.
    prediction = row(0.9, 0.1, 0.3, 0.1, 0.0)
    target = row(1.0, 0.5, 0.1, 0.0, 0.0)
    assert value(EdgeMacroF1(0.2), prediction, target) == pytest.approx((1 / 2 + 2 / 3) / 2)


@pytest.mark.parametrize("threshold", [0.1, 0.2, 0.7])
def test_agree_with_sklearn(threshold: float) -> None:
    prediction = torch.rand(2, 1, 5, 6)
    target = (0.6 * prediction + 0.4 * torch.rand(2, 1, 5, 6)).float()
    truth = (target >= threshold).flatten()
    scores = [
        f1_score(truth, (prediction >= cut).flatten(), zero_division=0)
        for cut in torch.arange(1, 100) / 100
    ]
    assert value(EdgeF1(threshold), prediction, target) == pytest.approx(np.max(scores))
    called = (prediction >= threshold).flatten()
    assert value(EdgeMacroF1(threshold), prediction, target) == pytest.approx(
        f1_score(truth, called, average="macro", zero_division=0)
    )


def test_a_pixel_on_a_threshold_reaches_it() -> None:
    # Only the last threshold, 0.99, parts the first two; only 0.01, the first, the other two.
    assert value(EdgeF1(), row(0.99, 0.985), row(1.0, 0.0)) == 1
    assert value(EdgeF1(), row(0.015, 0.005), row(1.0, 0.0)) == 1


def test_one_threshold_serves_the_whole_dataset() -> None:
    # Each image alone is separable, 0.3 and 0.7; together no threshold is right for both.
    first = row(0.4, 0.2), row(1.0, 0.0)
    second = row(0.8, 0.6), row(1.0, 0.0)
    assert value(EdgeF1(), *first) == value(EdgeF1(), *second) == 1
    metric = EdgeF1()
    metric.update(*first)
    assert value(metric, *second) == pytest.approx(0.8)  # 2 hits, 1 false: 4 / 5


def test_without_edges_f1_is_undefined_and_macro_leaves_them_out() -> None:
    assert np.isnan(value(EdgeF1(), row(0.5, 0.1), row(0.0, 0.0)))
    assert np.isnan(value(EdgeF1(), row(1.0, 1.0), row(0.0, 0.0)))
    assert value(EdgeMacroF1(), row(0.1, 0.1), row(0.0, 0.0)) == 1


def test_macro_calls_a_pixel_on_the_threshold_an_edge_on_both_sides() -> None:
    on = row(0.25, 0.125)
    assert value(EdgeMacroF1(0.25), on, row(1.0, 0.0)) == 1
    assert value(EdgeMacroF1(0.25), row(1.0, 0.0), on) == 1


def test_a_map_with_another_memory_order_does_not_warn() -> None:
    prediction = torch.rand(2, 1, 6, 5).transpose(2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert value(EdgeF1(), prediction, prediction.contiguous()) > 0.9


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1, 20.0])
@pytest.mark.parametrize("metric", [EdgeF1, EdgeMacroF1])
def test_threshold_rejects(metric: type[Metric], threshold: float) -> None:
    with pytest.raises(ValueError, match=r"`threshold` .* between 0 and 1, found"):
        metric(threshold)
