"""A bottleneck whose weights are another network's output, other ones for every task."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class BottleneckWeights(NamedTuple):
    """The weights of a bottleneck of d channels, n in its middle, for every task.

    Attributes:
        down: [task, d, n].
        narrow_bias: [task, n].
        up: [task, n, d].
        bias: [task, d].
    """

    down: Tensor
    narrow_bias: Tensor
    up: Tensor
    bias: Tensor


def generated_bottleneck(
    streams: Float[Tensor, "task batch *tokens channels"], weights: BottleneckWeights
) -> Float[Tensor, "task batch *tokens channels"]:
    """Adds to each task's tokens its bottleneck of them: x + up(GELU(down(LN(x)))).

    The norm has no scale and shift of its own: the first matrix and bias have room for both.
    """
    flat = streams.flatten(1, -2)
    normalised = F.layer_norm(flat, flat.shape[-1:])
    narrow = torch.baddbmm(weights.narrow_bias.unsqueeze(1), normalised, weights.down)
    added = torch.baddbmm(weights.bias.unsqueeze(1), F.gelu(narrow), weights.up)
    return (flat + added).view_as(streams)


class FixedWeights(nn.Module):
    """Stands for the network that generated weights which change no more.

    Args:
        weights: Of each place.
    """

    def __init__(self, weights: dict[str, BottleneckWeights]) -> None:
        super().__init__()
        self.places = tuple(weights)
        for place, tensors in weights.items():
            for name, tensor in tensors._asdict().items():
                self.register_buffer(f"{place}_{name}", tensor.detach().clone())

    def forward(self) -> dict[str, BottleneckWeights]:
        names = BottleneckWeights._fields
        return {
            place: BottleneckWeights(*(self.get_buffer(f"{place}_{name}") for name in names))
            for place in self.places
        }
