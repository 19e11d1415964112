import pytest
import torch
from torch import Tensor
from torch.nn import functional

from vtagml.losses import balanced_bce, weighted_bce


def row(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)[None, None, None]


def test_weighted_golden() -> None:
    # sigmoid(0) = 1/2 costs log 2 on either side: 0.95 for what is 1, 0.05 twice for what is 0.
    total, count = weighted_bce(row(0, 0, 0, 7), row(1, 0, 0, torch.nan), 0.95)
    assert total.item() == pytest.approx((0.95 + 2 * 0.05) * torch.tensor(2.0).log().item())
    assert count == 3


def test_weighted_with_equal_shares_is_half_of_the_plain_one() -> None:
    map, target = torch.randn(2, 1, 4, 5), torch.rand(2, 1, 4, 5)
    plain = functional.binary_cross_entropy_with_logits(map, target, reduction="sum")
    torch.testing.assert_close(weighted_bce(map, target, 0.5)[0], plain / 2)


def test_both_sides_of_an_image_weigh_alike() -> None:
    # 3 of 4 known pixels are 0: what is 1 weighs 3/4, each 0 weighs 1/4, both sides 3/4 together.
    map = row(0.0, 0.0, 0.0, 0.0, 0.0).requires_grad_()
    total, count = balanced_bce(map, row(1, 0, 0, 0, torch.nan))
    assert count == 4
    assert total.item() == pytest.approx(1.5 * torch.tensor(2.0).log().item())
    total.backward()
    assert map.grad is not None
    # The gradient of -log p at p = 1/2 is 1/2.
    assert map.grad.flatten().tolist() == pytest.approx([-0.375, 0.125, 0.125, 0.125, 0])


def test_balanced_is_the_two_channel_cross_entropy_with_class_weights() -> None:
    scores, target = torch.randn(1, 2, 4, 5), torch.randint(2, (1, 4, 5))
    share = 1 - target.float().mean()
    two = functional.cross_entropy(
        scores, target, weight=torch.stack([1 - share, share]), reduction="none"
    )
    total, count = balanced_bce(scores[:, 1:] - scores[:, :1], target[:, None].float())
    torch.testing.assert_close(total / count, two.mean())


def test_the_share_is_of_each_image_alone() -> None:
    map, target = torch.zeros(2, 1, 1, 4), torch.zeros(2, 1, 1, 4)
    target[0, ..., 0] = 1
    both = balanced_bce(map, target)[0]
    torch.testing.assert_close(both, balanced_bce(map[:1], target[:1])[0])
    assert balanced_bce(map[1:], target[1:])[0] == 0  # nothing of it is 1
