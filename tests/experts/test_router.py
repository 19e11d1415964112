"""Weights of experts: by hand, and what fading leaves of them."""

import math

import pytest
import torch
from torch import nn

from vtagml.experts import BlockDiagonal, RoutedLinear, Router


def test_weights_by_hand() -> None:
    router = Router(1, experts=2, temperature=2.0)
    # exp of the logits over τ: 1 and 3, so shares of 1/4 and 3/4, twice that, half way to one.
    router.linear.weight.data = torch.tensor([[0.0], [2 * math.log(3)]])
    router.fade(0.5)

    torch.testing.assert_close(router(torch.ones(1, 1)), torch.tensor([[0.75, 1.25]]))


def test_weights_of_a_token_have_the_mean_one_and_start_about_one() -> None:
    router = Router(64, experts=16, temperature=5.0).double().requires_grad_(False)
    weights = router(torch.nn.functional.layer_norm(torch.randn(200, 64).double(), (64,)))

    torch.testing.assert_close(weights.mean(-1), torch.ones(200).double())
    assert float(weights.std()) == pytest.approx(0.02 * 8 / 5, rel=0.3)
    assert float(router.linear.weight.std()) == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_faded_all_are_exactly_one_and_the_gradient_is_zero_not_missing(
    dtype: torch.dtype,
) -> None:
    router = Router(8, experts=4, temperature=5.0).to(dtype)
    assert not router.faded
    router.fade(0.0, 0.5)

    weights = router(1e3 * torch.randn(3, 5, 8, dtype=dtype))
    weights.sum().backward()

    assert router.faded
    assert torch.equal(weights, torch.ones(3, 5, 4, dtype=dtype))
    assert router.linear.weight.grad is not None
    assert not router.linear.weight.grad.any()


def test_fading_is_part_of_the_state() -> None:
    router, other = (Router(8, experts=4, temperature=5.0) for _ in range(2))
    router.fade(0.25, 0.5)
    other.load_state_dict(router.state_dict())
    assert (float(other.alpha), float(other.end)) == (0.25, 0.5)


def test_the_channels_of_an_expert_stand_side_by_side() -> None:
    layer = nn.Linear(1, 6)
    layer.weight.data.zero_()
    layer.bias.data = torch.arange(1.0, 7.0)
    router = Router(1, experts=2, temperature=1.0)
    router.linear.weight.data = torch.tensor([[0.0], [math.log(3)]])  # weights of 1/2 and 3/2

    found = RoutedLinear(layer, router, torch.arange(6))(torch.ones(1, 2, 1))

    expected = torch.tensor([0.5, 1.0, 1.5, 6.0, 7.5, 9.0]).expand(1, 2, 6)
    torch.testing.assert_close(found, expected)


def test_mixed_precision_stays_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    routed = RoutedLinear(nn.Linear(4, 6), Router(4, 2, 5.0), torch.arange(6))
    # As a GPU computes a softmax then; a CPU does not.
    monkeypatch.setattr(routed.router, "forward", lambda tokens: torch.ones(3, 2))
    with torch.autocast("cpu", torch.bfloat16):
        assert routed(torch.randn(3, 4)).dtype == torch.bfloat16


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="`temperature` must be positive, found 0"):
        Router(4, 2, 0.0)


def test_blocks_on_the_diagonal() -> None:
    layer = BlockDiagonal(3, entering=2, leaving=4).double()
    tokens = torch.randn(5, 6, dtype=torch.float64)

    expected = torch.block_diag(*layer.blocks)
    assert torch.equal(layer.weight, expected)
    torch.testing.assert_close(layer(tokens), tokens @ expected.T)
    bound = 1 / math.sqrt(2)  # of a linear layer that two channels enter
    assert layer.blocks.abs().max() < bound
    assert layer.blocks.abs().max() > bound / 2
