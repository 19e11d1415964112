"""LoRA against its definition, and against the same function by another way."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from tests.fakes.backbones import TinySwinV2
from vtagml.tuning.lora import LoRA, LowRankLinear


class Product(nn.Module):
    """W + s·B·A, as a parametrization of W."""

    def __init__(self, beside: LowRankLinear) -> None:
        super().__init__()
        self.down, self.up = (
            nn.Parameter(each.weight.detach().clone()) for each in (beside.down, beside.up)
        )
        self.scale = beside.scale

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + self.scale * self.up @ self.down


def test_outputs_and_gradients_are_those_of_the_changed_matrix() -> None:
    layer = nn.Linear(6, 9).double().requires_grad_(False)
    beside = LowRankLinear(layer, rank=2, scale=1.5).double()
    nn.init.normal_(beside.up.weight)
    whole = nn.Linear(6, 9).double()
    whole.load_state_dict(layer.state_dict())
    product = Product(beside)
    parametrize.register_parametrization(whole, "weight", product)
    tokens = torch.randn(4, 5, 6, dtype=torch.float64)

    found, expected = beside(tokens), whole(tokens)
    found.square().sum().backward()
    expected.square().sum().backward()

    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(beside.down.weight.grad, product.down.grad)
    torch.testing.assert_close(beside.up.weight.grad, product.up.grad)
    assert layer.weight.grad is None


def test_alpha_counts_by_the_rank() -> None:
    assert LoRA(4).scale == 1
    assert LoRA(4, alpha=8.0).scale == 2


def test_tuned_layers_have_the_scale_and_merge_with_it() -> None:
    backbone = TinySwinV2()
    LoRA(4, alpha=8.0).tune(backbone)
    beside = backbone.get_submodule("model.layers.0.blocks.0.attn.proj")
    assert isinstance(beside, LowRankLinear)
    nn.init.normal_(beside.up.weight)
    expected = beside.layer.weight + 2 * beside.up.weight @ beside.down.weight

    merged = beside.merged()

    torch.testing.assert_close(merged.weight, expected)
    assert not merged.weight.requires_grad  # the backbone goes on as a frozen one


def test_merging_leaves_a_matrix_that_others_have_too() -> None:
    layer = nn.Linear(6, 9).requires_grad_(False)
    beside = LowRankLinear(layer, rank=2, scale=1.0)
    nn.init.normal_(beside.up.weight)
    shared = layer.weight
    before = shared.detach().clone()

    merged = beside.merged()

    assert torch.equal(shared, before)
    assert not torch.equal(merged.weight, before)


def test_it_is_peft_s_on_the_same_weights() -> None:
    peft = pytest.importorskip("peft", reason="compared where peft is installed")
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(6, 9)).double()
    beside = LowRankLinear(nn.Linear(6, 9).double(), rank=2, scale=2.0).double()
    beside.layer.load_state_dict(body[0].state_dict())
    config = peft.LoraConfig(r=2, lora_alpha=4, target_modules=["0"], bias="none")
    theirs = peft.get_peft_model(body, config).double()
    nn.init.normal_(beside.up.weight)
    for key, parameter in theirs.named_parameters():
        if "lora" in key:
            own = beside.down if "lora_A" in key else beside.up
            parameter.data.copy_(own.weight)
    tokens = torch.randn(3, 6, dtype=torch.float64)

    expected = theirs(tokens)

    torch.testing.assert_close(beside(tokens), expected)
    torch.testing.assert_close(beside.merged()(tokens), expected)
    torch.testing.assert_close(theirs.merge_and_unload()(tokens), expected)
