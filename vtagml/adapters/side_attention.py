"""Task-adapted attention beside a frozen block: its weights, on values of a narrow stream."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters.attention_bias import BlockDiagonalBias
from vtagml.adapters.film import Embeddings, Streams
from vtagml.adapters.frozen_block import FrozenBlock


class SideAttention(nn.Module):
    """Computes softmax(A'(ω_t) + q·kᵀ/√c)·v with the frozen block's q and k, Eq. 2, Sec. 3.2.2.

    Queries and keys are those of the frozen tokens, the same for all tasks and without gradient;
    values and the output's projection are narrow and train, and so does A'. With P the weights of
    the frozen attention, softmax(A' + q·kᵀ/√c) is P·exp(A'), divided by the sum of its rows. A' is
    zero but within a row of the window, so that of the tokens of a window's side only P is as
    large as an attention is, and it is the same for all tasks: what each of them adds is the w-th
    part of that, and of a softmax nothing is kept for the backward.

    Heads are as many as the block's, or the most that divide the width: then the weights of heads
    that stand side by side are averaged.

    Args:
        block: The block whose attention it is.
        embedding: Width of the task embeddings.
        width: Width of the streams.
    """

    def __init__(self, block: FrozenBlock, embedding: int, width: int) -> None:
        super().__init__()
        self.heads = math.gcd(block.heads, width)
        self.bias = BlockDiagonalBias(block, embedding)
        self.values = nn.Linear(width, width)
        self.projection = nn.Linear(width, width)

    def forward(
        self,
        block: FrozenBlock,
        weights: Float[Tensor, "batch window heads tokens tokens"],
        streams: Streams,
        embeddings: Embeddings,
    ) -> Streams:
        """Returns each stream attended to with the bias of its task.

        Args:
            block: The block whose attention it is.
            weights: Of the frozen attention.
            streams: Narrow tokens of each task.
            embeddings: Embedding of each task.
        """
        tasks, narrow = len(streams), streams.flatten(0, 1)
        values = block.windows(self.values(narrow)).unflatten(-1, (self.heads, -1))
        values = values.unflatten(0, (tasks, -1))
        weights = weights.unflatten(2, (self.heads, -1)).mean(3)
        bias = self.bias(block, embeddings)
        attended = self._reweighed(block, weights, values, bias).flatten(-2).flatten(0, 1)
        return self.projection(block.restored(attended, narrow)).view_as(streams)

    def _reweighed(
        self,
        block: FrozenBlock,
        weights: Float[Tensor, "batch window heads tokens tokens"],
        values: Float[Tensor, "task batch window tokens heads head"],
        bias: Float[Tensor, "task 1 tokens tokens"],
    ) -> Float[Tensor, "task batch window tokens heads head"]:
        """Returns what the weights, times exp(A') and normalised again, make of the values."""
        before = block.prefix_tokens
        # [task, 1, 1, 1, column, column of the key, row]
        change = _within_rows(torch.expm1(bias), block)[:, None, None]
        more = _within_rows(weights, block) * change
        own = values[:, :, :, before:].unflatten(3, block.window)
        added = torch.einsum("tbwhqkr,tbwrkhc->tbwrqhc", more, own).flatten(3, 4)
        total = more.sum(dim=-2).permute(0, 1, 2, 5, 4, 3).flatten(3, 4).unsqueeze(-1)
        plain = torch.einsum("bwhqk,tbwkhc->tbwqhc", weights, values)
        in_front = (0, 0, 0, 0, before, 0)
        return (plain + F.pad(added, in_front)) / (1 + F.pad(total, in_front))


def _within_rows(
    matrix: Float[Tensor, "*leading tokens tokens"], block: FrozenBlock
) -> Float[Tensor, "*leading column column row"]:
    """Returns the blocks on the diagonal: of each token what it has for those of its own row."""
    grid = matrix[..., block.prefix_tokens :, block.prefix_tokens :]
    return grid.unflatten(-2, block.window).unflatten(-1, block.window).diagonal(0, -4, -2)
