"""What stands beside frozen blocks: narrow blocks of all tasks, and what a task has of its own."""

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters.bottleneck import Bottleneck
from vtagml.adapters.film import Embeddings, Streams
from vtagml.adapters.frozen_block import FrozenBlock, Observed
from vtagml.adapters.side_attention import SideAttention, TaskSideAttention
from vtagml.adapters.task_scaled_norm import TaskScaledNorm


class Projection(nn.Module):
    """Tokens of unit scale, projected to another width.

    Args:
        before: Width of the tokens.
        after: The other width.
        zero: Whether the projection starts at zero.
    """

    def __init__(self, before: int, after: int, zero: bool = False) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(before, elementwise_affine=False)
        self.projection = nn.Linear(before, after)
        if zero:
            nn.init.zeros_(self.projection.weight)
            nn.init.zeros_(self.projection.bias)

    def forward(self, tokens: Float[Tensor, "*tokens before"]) -> Float[Tensor, "*tokens after"]:
        return self.projection(self.norm(tokens))


class LocalBottleneck(Bottleneck):
    """A bottleneck as wide as its stream, in whose middle each token sees its neighbours.

    A convolution of every channel by itself, which starts as the identity, stands in front of the
    non-linearity. The frozen attention's weights are those of a network that was trained for
    something else; what they do not bring together, this can.

    Args:
        width: Width of the stream.
        kernel: Side of the convolution, an odd number of tokens.
    """

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__(width, reduction=1)
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(
                f"`kernel` must be an odd number of tokens, found {kernel}: it has a token in its "
                "middle."
            )
        self.neighbours = nn.Conv2d(
            width, width, kernel, padding=kernel // 2, groups=width, bias=False
        )
        nn.init.dirac_(self.neighbours.weight, groups=width)

    def of_grid(
        self, block: FrozenBlock, tokens: Float[Tensor, "batch *tokens width"]
    ) -> Float[Tensor, "batch *tokens width"]:
        """Returns what is added to the stream; tokens without a place have no neighbours.

        Args:
            block: Which knows where tokens lie.
            tokens: Of the stream.
        """
        mixed = block.over_grid(self.neighbours, self.down(tokens))
        return self.up(self.nonlinearity(mixed))


class SideBlock(nn.Module):
    """A narrow block beside a frozen one, of the stream that all tasks share.

    What it reads of the frozen block, of its output and of the hidden channels of its feed-forward
    network, is added to the stream; then LN → attention with the frozen weights → + residual, LN →
    FF down → neighbours → GELU → FF up → + residual.

    Args:
        block: The frozen block that it stands beside.
        width: Width of the side stream.
        kernel: Side of the square of neighbours that a token sees.
    """

    def __init__(self, block: FrozenBlock, width: int, kernel: int) -> None:
        super().__init__()
        self.output_reading = Projection(block.channels, width)
        self.hidden_reading = Projection(block.hidden_channels, width)
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SideAttention(block, width)
        self.bottleneck_norm = nn.LayerNorm(width)
        self.bottleneck = LocalBottleneck(width, kernel)

    def forward(
        self,
        block: FrozenBlock,
        seen: Observed,
        stream: Float[Tensor, "batch *tokens width"] | None,
    ) -> Float[Tensor, "batch *tokens width"]:
        """Returns the stream behind the block.

        Args:
            block: The frozen block.
            seen: What it said.
            stream: What comes from the side block before this one; the first has nothing.
        """
        read = self.output_reading(seen.tokens) + self.hidden_reading(seen.hidden)
        stream = read if stream is None else stream + read
        stream = stream + self.attention(block, seen.weights, self.attention_norm(stream))
        return stream + self.bottleneck.of_grid(block, self.bottleneck_norm(stream))


class SideOutlet(nn.Module):
    """What the tasks are given where the side stream leaves a stage, the same for all of them.

    That is the level with what the stream adds to it, at first nothing, and the stream at the width
    of the tasks' bottlenecks.

    Args:
        channels: Of the level.
        width: Of the side stream.
        narrow: Of the bottlenecks.
    """

    def __init__(self, channels: int, width: int, narrow: int) -> None:
        super().__init__()
        self.up = Projection(width, channels, zero=True)
        self.down = Projection(width, narrow)

    def forward(
        self,
        tokens: Float[Tensor, "batch *tokens channels"],
        stream: Float[Tensor, "batch *tokens width"],
    ) -> tuple[Float[Tensor, "batch *tokens channels"], Float[Tensor, "batch *tokens narrow"]]:
        """Returns level and bottleneck.

        Args:
            tokens: What leaves the frozen stage.
            stream: What leaves the side stream there.
        """
        return tokens + self.up(stream), self.down(stream)


class SideAdapter(nn.Module):
    """What a task adds of its own to a level, at bottleneck width.

    TSN → TAA → + residual → TSN → GELU → FF up. FF down stands before the tasks part, since what
    it reads is the same for all. FF up starts at zero.

    Args:
        block: The frozen block that it stands beside.
        embedding: Width of the task embeddings.
        width: Width of the bottleneck.
    """

    def __init__(self, block: FrozenBlock, embedding: int, width: int) -> None:
        super().__init__()
        self.attention_norm = TaskScaledNorm(nn.LayerNorm(width), embedding)
        self.attention = TaskSideAttention(block, embedding, width)
        self.bottleneck_norm = TaskScaledNorm(nn.LayerNorm(width), embedding)
        self.nonlinearity = nn.GELU()
        self.up = nn.Linear(width, block.channels)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(
        self,
        block: FrozenBlock,
        weights: Float[Tensor, "batch window heads tokens tokens"],
        streams: Streams,
        embeddings: Embeddings,
    ) -> Float[Tensor, "task batch *tokens block_channels"]:
        """Returns what is added to the level of each task.

        Args:
            block: The frozen block.
            weights: Of its attention.
            streams: Narrow tokens of each task.
            embeddings: Embedding of each task.
        """
        normalised = self.attention_norm(streams, embeddings)
        streams = streams + self.attention(block, weights, normalised, embeddings)
        return self.up(self.nonlinearity(self.bottleneck_norm(streams, embeddings)))


class SideMerging(nn.Module):
    """The side stream at the next stage's resolution: 2x2 tokens side by side, projected.

    Args:
        before: Width of the stream.
        after: Its width in the next stage.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.projection = nn.Linear(4 * before, after)

    def forward(
        self, stream: Float[Tensor, "batch height width before"]
    ) -> Float[Tensor, "batch half_height half_width after"]:
        squares = stream.unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
        return self.projection(squares.transpose(2, 3).flatten(3))
