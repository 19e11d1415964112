import pytest
import torch
from sklearn.metrics import mean_absolute_error

from vtagml.metrics import MaskedMeanAbsoluteError


def test_golden() -> None:
    # Differences 0.5 and 0.1, the last pixel is unknown.
    metric = MaskedMeanAbsoluteError()
    metric.update(torch.tensor([[[[0.5, 0.2, 0.9]]]]), torch.tensor([[[[0.0, 0.1, torch.nan]]]]))
    assert metric.compute().item() == pytest.approx(0.3)


def test_agrees_with_sklearn() -> None:
    metric = MaskedMeanAbsoluteError()
    prediction, target = torch.rand(2, 1, 5, 6), torch.rand(2, 1, 5, 6)
    metric.update(prediction, target)
    expected = mean_absolute_error(target.flatten(), prediction.flatten())
    assert metric.compute().item() == pytest.approx(expected)
