"""Task-adapted attention: the pre-trained attention of a block with a task's term in its logits."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from vtagml.adapters.attention_bias import AttentionBias, BlockDiagonalBias
from vtagml.adapters.film import Embeddings, Streams
from vtagml.adapters.frozen_block import Attention, FrozenBlock


class TaskAdaptedAttention(nn.Module):
    """Computes softmax(A'(ω_t) + q·kᵀ/√c)·v, Eq. 2, Sec. 3.2.2.

    Queries, keys, values and the output projection are the frozen block's, and so are position
    bias, logit scale (Swin V2's cosine attention) and the mask of shifted windows; A' is one more
    term, the same in every window. Only A' trains.

    Args:
        block: The block whose attention it is.
        embedding: Width of the task embeddings.
        bias: Makes A'.
    """

    def __init__(
        self,
        block: FrozenBlock,
        embedding: int,
        bias: Callable[[FrozenBlock, int], AttentionBias] = BlockDiagonalBias,
    ) -> None:
        super().__init__()
        self.bias = bias(block, embedding)

    def forward(
        self, block: FrozenBlock, streams: Streams, embeddings: Embeddings, alike: bool = False
    ) -> Streams:
        """Returns each stream attended to with the bias of its task.

        Args:
            block: The block whose attention it is.
            streams: Tokens of each task.
            embeddings: Embedding of each task.
            alike: Whether the streams are copies of one another: then q·kᵀ is computed once.
        """
        run = once if alike else per_stream
        attention = run(block.products, streams)
        # [task, window, heads, tokens, tokens], the same for every image
        added, offset = self.bias(block, embeddings).unsqueeze(1), block.offset(streams[0])
        added = added if offset is None else added + offset
        weights = (attention.logits + added.unsqueeze(1)).softmax(dim=-1)
        attended = (weights @ attention.values.to(weights.dtype)).flatten(0, 1)
        return block.gather(attended, streams.flatten(0, 1)).view(streams.shape)


def per_stream(attention: Callable[[Tensor], Attention], streams: Streams) -> Attention:
    """Returns the attention of every stream, with a leading task axis."""
    folded = attention(streams.flatten(0, 1))
    return Attention(*(part.unflatten(0, streams.shape[:2]) for part in folded))


def once(attention: Callable[[Tensor], Attention], streams: Streams) -> Attention:
    """Returns what `per_stream` returns for streams that are copies of one another, for less.

    The first stream stands for all in the forward. In the backward every stream still gets the
    gradient of its own task, as the fork in front needs them apart; `attention` must not contain
    anything that trains.
    """
    return Attention(*_run_once(attention, streams))


class _Once(torch.autograd.Function):
    """Runs a frozen function for the first stream, differentiates it for each."""

    @staticmethod
    def forward(
        ctx: Any, attention: Callable[[Tensor], Attention], streams: Tensor
    ) -> tuple[Tensor, ...]:
        differentiate = ctx.needs_input_grad[1]
        first = streams[0].detach().requires_grad_(differentiate)
        with torch.set_grad_enabled(differentiate):
            outputs = attention(first)
        ctx.first, ctx.outputs = first, outputs
        return tuple(part.detach().expand(len(streams), *part.shape) for part in outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        (gradient,) = torch.autograd.grad(
            ctx.outputs, ctx.first, gradients, retain_graph=True, is_grads_batched=True
        )
        return None, gradient


# torch.compile cannot trace a backward that differentiates.
_run_once = torch.compiler.disable(_Once.apply)
