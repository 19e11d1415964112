"""A linear layer of groups of channels that do not see each other."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class BlockDiagonal(nn.Module):
    """Computes W·x with blocks on the diagonal of W and zeros elsewhere.

    Args:
        blocks: How many.
        entering: Channels that enter each.
        leaving: Channels that leave each.
    """

    def __init__(self, blocks: int, entering: int, leaving: int) -> None:
        super().__init__()
        self.blocks = nn.Parameter(torch.empty(blocks, leaving, entering))
        for block in self.blocks:  # each as a linear layer starts
            nn.init.kaiming_uniform_(block, a=math.sqrt(5))

    @property
    def weight(self) -> Float[Tensor, "leaving entering"]:
        """W."""
        blocks = self.blocks
        diagonal = torch.eye(len(blocks), device=blocks.device, dtype=blocks.dtype)
        return (diagonal[:, None, :, None] * blocks[:, :, None, :]).flatten(2).flatten(0, 1)

    def forward(
        self, tokens: Float[Tensor, "*tokens entering"]
    ) -> Float[Tensor, "*tokens leaving"]:
        return nn.functional.linear(tokens, self.weight)
