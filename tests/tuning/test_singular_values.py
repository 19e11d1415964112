"""Singular values: against a decomposition by another way, and what a checkpoint of them holds."""

import pytest
import torch
from torch import nn

from tests.fakes.backbones import TinySwin
from vtagml.tuning.singular_values import MonotoneMap, SingularValues, SpectralLinear

LAYERS = ("qkv", "proj", "fc1", "fc2")


def layer(entering: int, leaving: int) -> nn.Linear:
    return nn.Linear(entering, leaving).double().requires_grad_(False)


def spectral(frozen: nn.Linear, parts: int = 1, pieces: int = 4) -> SpectralLinear:
    made = SpectralLinear(frozen, parts, pieces).double()
    nn.init.normal_(made.map.slopes)
    return made


def test_it_starts_as_the_identity_to_the_last_bit() -> None:
    frozen = nn.Linear(12, 7).requires_grad_(False)
    made = SpectralLinear(frozen, 1, 5)

    assert torch.equal(made.matrix(), frozen.weight)
    assert not made.map(torch.rand(100)).any()


def test_a_map_worked_by_hand() -> None:
    map = MonotoneMap(2).double()
    # softplus(θ) is twice softplus(0) = ln 2 at θ = ln 3, and half of it at θ = ln(√2 - 1).
    map.slopes.data = torch.tensor([3.0, 2**0.5 - 1], dtype=torch.float64).log()
    numbers = torch.tensor([0, 0.25, 0.5, 0.75, 1], dtype=torch.float64)

    moved = numbers * (1 + map(numbers))

    expected = torch.tensor([0, 0.5, 1, 1.125, 1.25], dtype=torch.float64)
    torch.testing.assert_close(moved, expected)


def test_order_stays() -> None:
    map = MonotoneMap(8)
    nn.init.normal_(map.slopes, std=3)
    numbers = torch.linspace(0, 1, 101)

    assert (numbers * (1 + map(numbers))).diff().min() > 0


@pytest.mark.parametrize(("entering", "leaving", "parts"), [(6, 9, 1), (9, 6, 1), (6, 18, 3)])
def test_vectors_stay_and_values_are_the_map_s(entering: int, leaving: int, parts: int) -> None:
    frozen = layer(entering, leaving)
    made = spectral(frozen, parts)

    for part, whole in zip(
        made.matrix().unflatten(0, (parts, -1)),
        frozen.weight.unflatten(0, (parts, -1)),
        strict=True,
    ):
        left, values, right = torch.linalg.svd(whole, full_matrices=False)
        shares = values / values.max()
        expected = values.max() * shares * (1 + made.map(shares))
        torch.testing.assert_close(part, left @ expected.diag() @ right)
        assert not torch.allclose(part, whole)


def test_a_matrix_that_lacks_ranks_keeps_lacking_them() -> None:
    frozen = layer(6, 6)
    frozen.weight[:] = frozen.weight[:, :2] @ torch.randn(2, 6, dtype=torch.float64)

    changed = spectral(frozen).matrix()

    assert changed.isfinite().all()
    assert torch.linalg.matrix_rank(changed) == 2
    frozen.weight.zero_()
    assert not spectral(frozen).matrix().any()


def test_ranks_that_lack_break_no_gradient_in_16_bits() -> None:
    frozen = nn.Linear(6, 6).requires_grad_(False)
    frozen.weight[:] = frozen.weight[:, :2] @ torch.randn(2, 6)
    made = SpectralLinear(frozen, 1, 4)

    with torch.autocast("cpu", torch.float16):
        loss = made(torch.randn(5, 6)).float().square().mean()
    (1024 * loss).backward()  # scaled, as gradients of 16 bits have to be

    assert made.map.slopes.grad is not None
    assert made.map.slopes.grad.isfinite().all()


def test_a_checkpoint_has_no_factors_and_brings_its_own_matrix() -> None:
    one, other = spectral(layer(6, 9)), spectral(layer(6, 9))
    assert set(one.state_dict()) == {"layer.weight", "layer.bias", "map.slopes"}
    assert not torch.allclose(one.matrix(), other.matrix())

    other.load_state_dict(one.state_dict())

    torch.testing.assert_close(other.matrix(), one.matrix(), rtol=1e-12, atol=1e-12)


def test_merging_leaves_a_matrix_that_others_have_too() -> None:
    frozen = layer(6, 9)
    before, shared = frozen.weight.clone(), frozen.weight
    made = spectral(frozen)
    expected = made.matrix()

    merged = made.merged()

    assert torch.equal(shared, before)
    assert torch.equal(merged.weight, expected)
    assert not merged.weight.requires_grad


def test_queries_keys_and_values_are_three_matrices_with_one_map() -> None:
    backbone = TinySwin((64, 96))
    SingularValues(4).tune(backbone)
    block = backbone.stages[2].blocks[0]

    layers = {key: module for key, module in block.named_modules() if key.endswith(LAYERS)}

    assert {key: layer.parts for key, layer in layers.items()} == {  # type: ignore[union-attr]
        **{"attn.qkv": 3, "attn.proj": 1},
        **{"mlp.fc1": 1, "mlp.fc2": 1},
    }
    assert sum(each.numel() for each in block.parameters() if each.requires_grad) == 4 * 4
