import pytest
import torch

from vtagml.losses import inverse_berhu
from vtagml.losses.berhu import berhu


def test_golden() -> None:
    # Inverse depths of 1 m and 2 m are 1 and 0.5; the errors are 1 and 0.1, the threshold a fifth
    # of the largest, 0.2: (1 + 0.04) / 0.4 = 2.6, and 0.1 in the linear part.
    prediction = torch.tensor([[[[2.0, 0.6]]]])
    total, count = inverse_berhu(prediction, torch.tensor([[[[1.0, 2.0]]]]))
    assert total.item() == pytest.approx(2.7)
    assert count == 2


def test_depth_that_is_not_positive_is_unknown() -> None:
    prediction = torch.full((1, 1, 1, 3), 2.0)
    total, count = inverse_berhu(prediction, torch.tensor([[[[0.0, -1.0, 0.5]]]]))
    assert (total.item(), count.item()) == (0, 1)


def test_value_and_slope_have_no_step_at_the_threshold() -> None:
    threshold = torch.full((1, 1, 1, 1), 0.3, dtype=torch.float64)
    error = torch.tensor([0.3 - 1e-9, 0.3 + 1e-9], dtype=torch.float64)
    error = error.reshape(1, 1, 1, 2).requires_grad_()
    penalty = berhu(error, threshold)
    (slope,) = torch.autograd.grad(penalty.sum(), error)
    torch.testing.assert_close(penalty[..., 0], penalty[..., 1])
    torch.testing.assert_close(slope, torch.ones_like(slope))


def test_gradient() -> None:
    threshold = torch.full((1, 1, 1, 1), 0.3, dtype=torch.float64)
    error = torch.rand(1, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda error: berhu(error, threshold), error)


def test_the_threshold_passes_no_gradient() -> None:
    # Both errors are the largest: e²/2c + c/2 with c = e/5 has the slope e/c = 5 for a fixed c.
    prediction = torch.full((1, 1, 1, 2), 2.0, requires_grad=True)
    inverse_berhu(prediction, torch.ones(1, 1, 1, 2))[0].backward()
    assert prediction.grad is not None
    torch.testing.assert_close(prediction.grad, torch.full((1, 1, 1, 2), 5.0))
