"""LoRA: a trained low-rank product beside frozen matrices."""

import math
from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.backbone import Backbone, StagedBackbone, staged
from vtagml.tuning.tuning import Tuning


class LowRankLinear(nn.Module):
    """Computes W·x + b + s·B·A·x around a frozen linear layer; B starts at zero.

    Note:
        A parametrization of W (`torch.nn.utils.parametrize`) is the same function, but its backward
        computes the gradient of all of W before that of its factors: a step of Swin-T takes 1.07
        times as long (a CPU, `tests/benchmarks/test_lora.py`).

    Args:
        layer: The layer.
        rank: Rows of A, columns of B.
        scale: s.
    """

    def __init__(self, layer: nn.Linear, rank: int, scale: float) -> None:
        super().__init__()
        if not 1 <= rank <= min(layer.in_features, layer.out_features):
            raise ValueError(
                f"`rank` must lie between 1 and the {min(layer.in_features, layer.out_features)} "
                f"channels of the narrowest layer, found {rank}."
            )
        self.layer, self.scale = layer, scale
        self.down = nn.Linear(layer.in_features, rank, bias=False)
        self.up = nn.Linear(rank, layer.out_features, bias=False)
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        nn.init.zeros_(self.up.weight)

    def forward(
        self, tokens: Float[Tensor, "*tokens entering"]
    ) -> Float[Tensor, "*tokens leaving"]:
        output = self.layer(tokens)
        # One product that adds itself to the output, which is the largest thing here.
        narrow = self.down(tokens).flatten(0, -2)
        added = torch.addmm(output.flatten(0, -2), narrow, self.up.weight.T, alpha=self.scale)
        return added.view_as(output)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The layer itself, with the product in its matrix."""
        # A new matrix: other tasks may have the old one, too.
        product = self.scale * (self.up.weight @ self.down.weight)
        self.layer.weight = nn.Parameter(self.layer.weight + product, requires_grad=False)
        return self.layer


class LoRA(Tuning):
    """Adds a low-rank product to the matrices of attention in every block.

    A sibling overrides which layers have one.

    Args:
        rank: Of the product.
        alpha: The product counts alpha/rank; null for one times.
    """

    def __init__(self, rank: int = 4, alpha: float | None = None) -> None:
        self.rank = rank
        # A rank below one is refused by the layers, which know how large it may be.
        self.scale = 1.0 if alpha is None else alpha / max(1, rank)

    def layers(self, network: StagedBackbone) -> Sequence[str]:
        """The linear layers of a block that have a product beside them."""
        return network.attention

    def tune(self, backbone: Backbone) -> None:
        network = staged(backbone.freeze())
        for place in network.places():
            for layer in self.layers(network):
                network.replace(network.block(place), layer, self._beside)

    def _beside(self, layer: nn.Module) -> nn.Module:
        return LowRankLinear(cast(nn.Linear, layer), self.rank, self.scale)
