import math

import pytest
import torch
from sklearn.metrics import log_loss

from vtagml.losses import cross_entropy


def test_golden() -> None:
    # Softmax of (0, ln 3) is (1/4, 3/4): the costs are -ln 1/4, -ln 3/4 and nothing where unknown.
    map = torch.tensor([0.0, math.log(3)]).reshape(1, 2, 1, 1).expand(1, 2, 1, 3)
    total, count = cross_entropy(map, torch.tensor([[[0, 1, 255]]]))
    assert total.item() == pytest.approx(math.log(4) + math.log(4 / 3))
    assert count == 2


def test_agrees_with_sklearn() -> None:
    map, target = torch.randn(2, 4, 5, 6), torch.randint(4, (2, 5, 6))
    total, _ = cross_entropy(map, target)
    rows = map.double().softmax(dim=1).movedim(1, -1).reshape(-1, 4)
    expected = log_loss(target.flatten(), rows, normalize=False, labels=range(4))
    assert total.item() == pytest.approx(expected, rel=1e-5)


def test_takes_whole_images() -> None:
    scores, target = torch.randn(5, 4), torch.tensor([0, 3, 255, 1, 2])
    total, count = cross_entropy(scores, target)
    pixels, _ = cross_entropy(scores[:, :, None, None], target[:, None, None])
    assert total == pixels
    assert count == 4


def test_gradient() -> None:
    map = torch.randn(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[[0, 1], [255, 2]]])
    assert torch.autograd.gradcheck(lambda map: cross_entropy(map, target)[0], map)


def test_runs_under_deterministic_algorithms() -> None:
    torch.use_deterministic_algorithms(True)
    try:
        map = torch.randn(1, 3, 2, 2, requires_grad=True)
        cross_entropy(map, torch.zeros(1, 2, 2, dtype=torch.int64))[0].backward()
    finally:
        torch.use_deterministic_algorithms(False)
    assert map.grad is not None


def test_golden_smoothing() -> None:
    # (1/4, 3/4) again: a fifth of the label is spread, a tenth to either class; unknown is nothing.
    map = torch.tensor([[0.0, math.log(3)], [5.0, 1.0]])
    total, _ = cross_entropy(map, torch.tensor([1, 255]), smoothing=0.2)
    assert total.item() == pytest.approx(0.9 * math.log(4 / 3) + 0.1 * math.log(4))
