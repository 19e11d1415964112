"""The adapter of the side wiring: all that a task has of its own, at a narrow width."""

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters.bottleneck import Bottleneck
from vtagml.adapters.film import Embeddings, Streams
from vtagml.adapters.frozen_block import FrozenBlock
from vtagml.adapters.side_attention import SideAttention
from vtagml.adapters.task_scaled_norm import TaskScaledNorm


class SideAdapter(nn.Module):
    """A narrow block beside a frozen one: what is added to a task's side stream there.

    What was read of the frozen block is added to the stream; then TSN → task-adapted attention →
    + residual, TSN → FF down → GELU → FF up → + residual.

    Args:
        block: The frozen block that it stands beside.
        embedding: Width of the task embeddings.
        width: Width of the side streams.
    """

    def __init__(self, block: FrozenBlock, embedding: int, width: int) -> None:
        super().__init__()
        self.attention_norm = TaskScaledNorm(nn.LayerNorm(width), embedding)
        self.attention = SideAttention(block, embedding, width)
        self.bottleneck_norm = TaskScaledNorm(nn.LayerNorm(width), embedding)
        self.bottleneck = Bottleneck(width, 1)

    def forward(
        self,
        block: FrozenBlock,
        weights: Float[Tensor, "batch window heads tokens tokens"],
        streams: Streams,
        embeddings: Embeddings,
    ) -> Streams:
        """Returns the streams behind the adapter.

        Args:
            block: The frozen block.
            weights: Of its attention.
            streams: Narrow tokens of each task, what was read of the frozen block among them.
            embeddings: Embedding of each task.
        """
        normalised = self.attention_norm(streams, embeddings)
        streams = streams + self.attention(block, weights, normalised, embeddings)
        return streams + self.bottleneck(self.bottleneck_norm(streams, embeddings))


class Reading(nn.Module):
    """What a side stream reads of a frozen block's output: normalised, then projected down.

    Args:
        channels: Of the block.
        width: Of the side streams.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, elementwise_affine=False)
        self.down = nn.Linear(channels, width)

    def forward(
        self, tokens: Float[Tensor, "*tokens channels"]
    ) -> Float[Tensor, "*tokens width"]:
        return self.down(self.norm(tokens))


class Writing(nn.Module):
    """What a side stream adds to a level of the pyramid: normalised, then projected up.

    The projection starts at zero, and with it all that is added.

    Args:
        channels: Of the level.
        embedding: Width of the task embeddings.
        width: Of the side streams.
    """

    def __init__(self, channels: int, embedding: int, width: int) -> None:
        super().__init__()
        self.norm = TaskScaledNorm(nn.LayerNorm(width), embedding)
        self.up = nn.Linear(width, channels)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(
        self, streams: Streams, embeddings: Embeddings
    ) -> Float[Tensor, "task batch *tokens channels"]:
        return self.up(self.norm(streams, embeddings))


class Merging(nn.Module):
    """The side streams at the next stage's resolution: 2x2 tokens side by side, projected.

    Args:
        before: Width of the streams.
        after: Their width in the next stage.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.projection = nn.Linear(4 * before, after)

    def forward(
        self, streams: Float[Tensor, "task batch height width before"]
    ) -> Float[Tensor, "task batch half_height half_width after"]:
        squares = streams.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
        return self.projection(squares.transpose(3, 4).flatten(4))
