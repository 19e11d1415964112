"""Vision adapters: attention, norms and a bottleneck around a frozen block, per task."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from vtagml.adapters.attention_bias import AttentionBias, BlockDiagonalBias
from vtagml.adapters.bottleneck import Bottleneck
from vtagml.adapters.film import Embeddings, Streams
from vtagml.adapters.frozen_block import FrozenBlock
from vtagml.adapters.task_adapted_attention import TaskAdaptedAttention
from vtagml.adapters.task_scaled_norm import TaskScaledNorm

Bias = Callable[[FrozenBlock, int], AttentionBias]
Norm = Callable[[nn.LayerNorm, int], TaskScaledNorm]


class Adapter(nn.Module, ABC):
    """Replaces a frozen block by one whose output depends on the task.

    It holds only what trains; the block is given to every call. All tasks share its parameters.
    Tokens of all tasks come and go as streams with a leading task axis.
    """

    @abstractmethod
    def forward(
        self,
        block: FrozenBlock,
        streams: Streams,
        embeddings: Embeddings,
        previous: Streams | None = None,
        alike: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Returns the streams behind the adapter and what it sends over its skip.

        Args:
            block: The frozen block.
            streams: Tokens of each task.
            embeddings: Embedding of each task.
            previous: What the adapter before this one sent, brought to this block's resolution.
            alike: Whether the streams are copies of one another, as right behind the fork.
        """


class VisionAdapter(Adapter):
    """The vision adapter of Fig. 3, wired so that it starts as exactly the frozen block.

    The block keeps its own order of residual sub-layers. TAA replaces its attention, TSN each of
    its two norms where it stands: in front of attention and feed-forward network on Swin and ViT,
    behind them on Swin V2. The bottleneck stands behind the block, as a residual branch of its
    own: the block's output → TSN → (+ gate · skip) → FF down → GELU → FF up → + the block's output.
    The skip is what the adapter before this one fed its bottleneck with.

    At the start A' is zero, the TSNs are the norms they replace, the gate of the skip and FF up
    are zero.

    Note:
        Fig. 3 passes its output through a last TSN. A normalised output cannot be the frozen
        block's, so the last TSN is left out here. `LiteralVisionAdapter` draws the figure.

    Args:
        block: The block it sits on.
        embedding: Width of the task embeddings.
        skip: Whether an adapter before this one sends its skip.
        bias: Makes A' of the attention.
        norm: Makes a task-scaled norm from the norm it stands for.
        reduction: How many times narrower than the block the bottleneck is.
    """

    def __init__(
        self,
        block: FrozenBlock,
        embedding: int,
        skip: bool,
        bias: Bias = BlockDiagonalBias,
        norm: Norm = TaskScaledNorm,
        reduction: int = 3,
    ) -> None:
        super().__init__()
        attention_norm, feed_forward_norm = block.norms
        self.attention = TaskAdaptedAttention(block, embedding, bias)
        self.attention_norm = norm(attention_norm, embedding)
        self.feed_forward_norm = norm(feed_forward_norm, embedding)
        self.bottleneck_norm = norm(nn.LayerNorm(block.channels, feed_forward_norm.eps), embedding)
        self.gate = nn.Parameter(torch.zeros(block.channels)) if skip else None
        self.bottleneck = Bottleneck(block.channels, reduction)

    def forward(
        self,
        block: FrozenBlock,
        streams: Streams,
        embeddings: Embeddings,
        previous: Streams | None = None,
        alike: bool = False,
    ) -> tuple[Tensor, Tensor]:
        # A norm in front of the attention has made the streams differ.
        alike = alike and not block.norm_first
        attend = partial(self.attention, block, embeddings=embeddings, alike=alike)
        attention_norm = partial(self.attention_norm, embeddings=embeddings)
        feed_forward_norm = partial(self.feed_forward_norm, embeddings=embeddings)
        streams = streams + block.sublayer(attention_norm, attend, streams)
        streams = streams + block.sublayer(feed_forward_norm, block.feed_forward, streams)
        point = self.bottleneck_norm(streams, embeddings)
        if self.gate is not None and previous is not None:
            point = point + self.gate * previous
        return streams + self.bottleneck(point), point


class SkiplessVisionAdapter(VisionAdapter):
    """The vision adapter without the skip from the adapter before it.

    Args:
        block: The block it sits on.
        embedding: Width of the task embeddings.
        skip: Whether an adapter before this one sends its skip, which is left where it is.
        options: What `VisionAdapter` takes beside.
    """

    def __init__(self, block: FrozenBlock, embedding: int, skip: bool, **options: Any) -> None:
        super().__init__(block, embedding, False, **options)


class LiteralVisionAdapter(Adapter):
    """The vision adapter as Fig. 3 draws it, on every family of blocks.

    LN → TAA → + input → LN = a_t → FFN → + a_t = ω̃_t → TSN → (+ skip) → FF down → GELU → FF up
    → + a_t → TSN. The skip is what the adapter before this one fed its FF down with, added as it
    is. The output is normalised: it does not start as the frozen block's.

    The LNs are frozen: the block's own where these stand in front (Swin, ViT), of unit scale on
    Swin V2, whose norms close a sub-layer and are too small in front of one. The TSNs start from
    the second LN.

    Args:
        block: The block it sits on.
        embedding: Width of the task embeddings.
        skip: Whether an adapter before this one sends its skip.
        bias: Makes A' of the attention.
        norm: Makes a task-scaled norm from the norm it stands for; `LiteralTaskScaledNorm` for
            Eq. 4 as printed.
        reduction: How many times narrower than the block the bottleneck is.
    """

    def __init__(
        self,
        block: FrozenBlock,
        embedding: int,
        skip: bool,
        bias: Bias = BlockDiagonalBias,
        norm: Norm = TaskScaledNorm,
        reduction: int = 3,
    ) -> None:
        super().__init__()
        self.skip = skip
        _, pretrained = block.leading_norms
        self.attention = TaskAdaptedAttention(block, embedding, bias)
        self.bottleneck_norm = norm(pretrained, embedding)
        self.bottleneck = Bottleneck(block.channels, reduction)
        self.output_norm = norm(pretrained, embedding)

    def forward(
        self,
        block: FrozenBlock,
        streams: Streams,
        embeddings: Embeddings,
        previous: Streams | None = None,
        alike: bool = False,
    ) -> tuple[Tensor, Tensor]:
        attention_norm, feed_forward_norm = block.leading_norms
        attended = self.attention(block, attention_norm(streams), embeddings, alike)
        activation = feed_forward_norm(streams + attended)
        point = self.bottleneck_norm(block.feed_forward(activation) + activation, embeddings)
        if self.skip and previous is not None:
            point = point + previous
        return self.output_norm(self.bottleneck(point) + activation, embeddings), point
