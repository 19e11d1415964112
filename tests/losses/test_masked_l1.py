import numpy as np
import pytest
import torch

from vtagml.losses import masked_l1


def test_golden() -> None:
    # Two pixels, two channels: differences (1, 3) average to 2; the other pixel lacks a channel.
    prediction = torch.tensor([[[[1.0, 7.0]], [[2.0, 7.0]]]])
    target = torch.tensor([[[[0.0, 5.0]], [[5.0, torch.nan]]]])
    total, count = masked_l1(prediction, target)
    assert (total.item(), count.item()) == (2, 1)


def test_agrees_with_numpy() -> None:
    prediction, target = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    target[:, :, 1] = torch.nan
    total, count = masked_l1(prediction, target)
    assert (total / count).item() == pytest.approx(
        np.nanmean(np.abs(prediction.numpy() - target.numpy())), rel=1e-5
    )


def test_unknown_pixels_may_hold_a_prediction_that_is_not_finite() -> None:
    prediction = torch.tensor([[[[1.0, torch.inf, torch.nan]]]], requires_grad=True)
    total, _ = masked_l1(prediction, torch.tensor([[[[3.0, torch.nan, torch.nan]]]]))
    total.backward()
    assert total == 2
    assert prediction.grad is not None
    assert prediction.grad.flatten().tolist() == [-1, 0, 0]


@pytest.mark.parametrize("unknown", [torch.inf, -torch.inf])
def test_a_label_that_is_infinite_is_unknown(unknown: float) -> None:
    total, count = masked_l1(torch.zeros(1, 1, 1, 2), torch.tensor([[[[2.0, unknown]]]]))
    assert (total.item(), count.item()) == (2, 1)


def test_gradient() -> None:
    prediction = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    target = prediction.detach() + torch.where(torch.rand(1, 2, 3, 3) < 0.5, -1.0, 1.0)
    target[0, 0, 0, 0] = torch.nan
    assert torch.autograd.gradcheck(lambda map: masked_l1(map, target)[0], prediction)
