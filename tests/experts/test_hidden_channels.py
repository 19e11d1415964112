"""Hidden channels change places without a change of the output, where that is so."""

import copy
from functools import partial

import pytest
import torch
from timm.layers import GluMlp, Mlp, SwiGLU
from torch import nn

from tests.fakes.backbones import FAMILIES, TinyViT, awake
from vtagml.backbone import Place, StagedBackbone
from vtagml.experts import hidden_layers, reorder

PLACE = Place(3, 2)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_output_stays(family: type[StagedBackbone]) -> None:
    network = awake(family()).double()
    mlp = network.block(PLACE).mlp
    layers = hidden_layers(network, PLACE)
    before, weight = copy.deepcopy(mlp), layers.up.weight
    order = torch.randperm(layers.up.out_features)
    tokens = torch.randn(2, 7, layers.up.in_features, dtype=torch.float64)

    reorder(layers, order)

    torch.testing.assert_close(mlp(tokens), before(tokens), rtol=0, atol=1e-12)  # type: ignore[operator]
    assert not torch.equal(layers.up.weight, before.fc1.weight)  # type: ignore[union-attr, arg-type]
    # Another network may have the parameter, too.
    assert torch.equal(weight, before.fc1.weight)  # type: ignore[union-attr, arg-type]
    reorder(layers, order.argsort())
    for name, parameter in before.named_parameters():  # type: ignore[union-attr]
        assert torch.equal(mlp.get_parameter(name), parameter)  # type: ignore[union-attr, operator]


def test_layers_without_a_bias_change_places_too() -> None:
    network = TinyViT()
    network.block(PLACE).mlp = Mlp(32, 128, bias=False)
    layers = hidden_layers(network, PLACE)
    expected = layers.up.weight.flip(0)
    reorder(layers, torch.arange(128).flip(0))
    assert torch.equal(layers.up.weight, expected)


@pytest.mark.parametrize(
    ("mlp", "reason"),
    [
        (GluMlp(32, 128), "found GluMlp in stage 3, block 2, and 128 channels leave the first"),
        (SwiGLU(32, 128), "found SwiGLU .* it has no two linear layers"),
        (Mlp(32, 128, use_conv=True), "it has no two linear layers"),
        (nn.Identity(), "found Identity .* no two linear layers"),
        (Mlp(32, 128, act_layer=partial(nn.Softmax, -1)), None),
        (Mlp(32, 128, act_layer=partial(nn.PReLU, 128)), "its `act` tells hidden channels apart"),
        (Mlp(32, 128, norm_layer=nn.LayerNorm), "its `norm` tells hidden channels apart"),
        (Mlp(32, 128, act_layer=partial(nn.GLU, -1)), "its `act` tells hidden channels apart"),
    ],
)
def test_what_a_permutation_would_change_is_refused(mlp: nn.Module, reason: str | None) -> None:
    network = TinyViT()
    network.block(PLACE).mlp = mlp
    for parameter in mlp.parameters():
        if parameter.ndim == 1:  # as if trained: a channel's own
            nn.init.normal_(parameter)
    if reason is None:  # a softmax over channels does not see their order
        hidden_layers(network, PLACE)
        return
    with pytest.raises(ValueError, match=rf"`backbone` must have .*{reason}"):
        hidden_layers(network, PLACE)
