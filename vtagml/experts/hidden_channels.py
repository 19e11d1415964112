"""The hidden channels of a block's feed-forward network, which may change places."""

from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from vtagml.backbone import Place, StagedBackbone

Order = Int64[Tensor, " channel"]
"""For each place which channel comes to it."""

CLOSE = 1e-5


class HiddenLayers(NamedTuple):
    """The layers on both sides of the hidden channels."""

    up: nn.Linear
    down: nn.Linear


def hidden_layers(network: StagedBackbone, place: Place) -> HiddenLayers:
    """Returns the layers of a block's feed-forward network whose hidden channels may change places.

    Raises:
        ValueError: They may not.
    """
    block = network.block(place)
    up, down = (_layer(block, path) for path in network.feed_forward)
    between = _layer(block, network.feed_forward[0].rpartition(".")[0])
    if not (isinstance(up, nn.Linear) and isinstance(down, nn.Linear)):
        raise ValueError(_unfit(place, between, "it has no two linear layers `fc1` and `fc2`"))
    if up.out_features != down.in_features:
        found = f"{up.out_features} channels leave the first layer and {down.in_features} enter"
        raise ValueError(_unfit(place, between, f"{found} the second, as where one half is a gate"))
    for name in ("act", "norm"):
        module = getattr(between, name, nn.Identity())
        if not _treats_channels_alike(module, up.out_features):
            raise ValueError(_unfit(place, between, f"its `{name}` tells hidden channels apart"))
    return HiddenLayers(up, down)


@torch.no_grad()
def reorder(layers: HiddenLayers, order: Order) -> None:
    """Moves hidden channels to other places; what the two layers compute together stays.

    φ(x·W_up·P + b_up·P)·(Pᵀ·W_down) = φ(x·W_up + b_up)·W_down for any permutation P, where φ treats
    each channel by itself. (Eq. 3.)
    """
    up, down = layers
    # New parameters: other networks may have the old ones, too.
    up.weight = _as(up.weight, up.weight[order])
    if up.bias is not None:
        up.bias = _as(up.bias, up.bias[order])
    down.weight = _as(down.weight, down.weight[:, order])


def _as(before: Tensor, values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=before.requires_grad)


def _layer(block: nn.Module, path: str) -> nn.Module | None:
    try:
        return block.get_submodule(path)
    except AttributeError:
        return None


def _treats_channels_alike(module: nn.Module, channels: int) -> bool:
    """Whether it does to channels that changed places what it does to them elsewhere."""
    numbers = torch.randn(2, channels, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(channels, generator=torch.Generator().manual_seed(1))
    parameter = next(module.parameters(), numbers)
    numbers, order = numbers.to(parameter), order.to(parameter.device)
    with torch.no_grad():
        output = module(numbers)
        moved = module(numbers[:, order])
    return output.shape == moved.shape == numbers.shape and torch.allclose(
        moved, output[:, order], rtol=CLOSE, atol=CLOSE
    )


def _unfit(place: Place, found: nn.Module | None, reason: str) -> str:
    return (
        "`backbone` must have feed-forward networks whose hidden channels may change places: two "
        "linear layers, and between them what does the same to every channel; found "
        f"{type(found).__name__} in stage {place.stage}, block {place.block}, and {reason}. Tune "
        "with `vtagml.tuning.LoRA`, which leaves feed-forward networks alone."
    )
