"""Attention beside a frozen block: the weights that it computed, on values of a narrow stream."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters.attention_bias import BlockDiagonalBias
from vtagml.adapters.film import Embeddings, Streams
from vtagml.adapters.frozen_block import FrozenBlock


class SideAttention(nn.Module):
    """Computes P·v: the weights of a frozen attention, on narrow values that train.

    The weights are the frozen tokens' and pass no gradient on: for the backward nothing is kept
    of them but themselves, and no softmax is computed a second time.

    Heads are as many as the block's, or the most that divide the width: then the weights of heads
    that stand side by side are averaged.

    Args:
        block: The block whose attention it is.
        width: Width of the side stream.
    """

    def __init__(self, block: FrozenBlock, width: int) -> None:
        super().__init__()
        self.heads = math.gcd(block.heads, width)
        self.values = nn.Linear(width, width)
        self.projection = nn.Linear(width, width)

    def forward(
        self,
        block: FrozenBlock,
        weights: Float[Tensor, "batch window heads tokens tokens"],
        tokens: Float[Tensor, "batch *tokens width"],
    ) -> Float[Tensor, "batch *tokens width"]:
        """Returns what the tokens gather by the weights of the frozen attention.

        Args:
            block: The block whose attention it is.
            weights: Of its attention.
            tokens: Narrow tokens.
        """
        if self.heads < block.heads:
            weights = weights.unflatten(2, (self.heads, -1)).mean(3)
        values = block.windows(self.values(tokens)).unflatten(-1, (self.heads, -1))
        attended = weights.to(values) @ values.transpose(2, 3)
        return self.projection(block.restored(attended.transpose(2, 3).flatten(-2), tokens))


class TaskSideAttention(nn.Module):
    """Computes softmax(A'(ω_t) + log P)·v, Eq. 2, Sec. 3.2.2, with the mean P of a frozen block.

    With P the weights of the frozen attention, averaged over its heads, softmax(A' + log P) is
    P·exp(A'), divided by the sum of its rows. P is the same for all tasks, and A' is zero but
    within a row of the window. So nothing as large as an attention is computed or kept for a task;
    what each of them adds is the w-th part of that, for windows of width w.

    Args:
        block: The block whose attention it is.
        embedding: Width of the task embeddings.
        width: Width of the streams.
    """

    def __init__(self, block: FrozenBlock, embedding: int, width: int) -> None:
        super().__init__()
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
            weights: Of its attention.
            streams: Narrow tokens of each task.
            embeddings: Embedding of each task.
        """
        narrow = streams.flatten(0, 1)
        values = block.windows(self.values(narrow)).unflatten(0, streams.shape[:2])
        attended = reweighed(block, weights.mean(2), values, self.bias(block, embeddings))
        return self.projection(block.restored(attended.flatten(0, 1), narrow)).view_as(streams)


def reweighed(
    block: FrozenBlock,
    weights: Float[Tensor, "batch window tokens tokens"],
    values: Float[Tensor, "task batch window tokens channels"],
    bias: Float[Tensor, "task 1 tokens tokens"],
) -> Float[Tensor, "task batch window tokens channels"]:
    """Returns what weights, times exp(A') and normalised again, make of the values.

    Args:
        block: The block whose windows these are.
        weights: The same for all tasks.
        values: Of each task.
        bias: A' of each task, zero but within the rows of the window.
    """
    weights, before = weights.to(values), block.prefix_tokens
    # [task, 1, 1, column, column of the key, row]
    change = _within_rows(torch.expm1(bias), block).unsqueeze(1)
    more = (_within_rows(weights, block) * change).movedim(-1, -3)
    own = values[:, :, :, before:].unflatten(3, block.window)
    added = (more @ own).flatten(3, 4)
    total = more.sum(dim=-1).flatten(3, 4).unsqueeze(-1)
    plain = torch.einsum("bwqk,tbwkc->tbwqc", weights, values)
    in_front = (0, 0, before, 0)
    return (plain + F.pad(added, in_front)) / (1 + F.pad(total, in_front))


def _within_rows(
    matrix: Float[Tensor, "*leading tokens tokens"], block: FrozenBlock
) -> Float[Tensor, "*leading column column row"]:
    """Returns the blocks on the diagonal: of each token what it has for those of its own row."""
    grid = matrix[..., block.prefix_tokens :, block.prefix_tokens :]
    return grid.unflatten(-2, block.window).unflatten(-1, block.window).diagonal(0, -4, -2)
