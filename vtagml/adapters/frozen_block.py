"""The pre-trained block under an adapter: its parts, in the words that adapters need.

One class per family of blocks; beside `backbone` the only places that know timm's networks. None
is a module: the backbone owns the weights, so that an adapter's state dict holds what it trains.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.backbone import StagedBackbone

Layer = Callable[[Tensor], Tensor]

IDENTITY = nn.Identity()


class Attention(NamedTuple):
    """What a block's attention is made of before its softmax.

    Attributes:
        logits: Scaled q·kᵀ with position bias and mask (of `products` without both), [batch,
            window, heads, tokens, tokens].
        values: v, [batch, window, heads, tokens, channels of a head].
    """

    logits: Tensor
    values: Tensor


class Observed(NamedTuple):
    """A block's output, and what of it was computed on the way.

    Attributes:
        tokens: The output, [batch, …, channels].
        weights: Of the attention, [batch, window, heads, tokens, tokens].
        hidden: The feed-forward network's channels behind its non-linearity.
    """

    tokens: Tensor
    weights: Tensor
    hidden: Tensor


class FrozenBlock(ABC):
    """A pre-trained block, taken apart.

    Args:
        backbone: The network that the block belongs to.
        block: timm's block.
    """

    norm_first = True
    """Whether the block's norms stand before attention and feed-forward network, or after."""

    prefix_tokens = 0
    """How many tokens, such as class tokens, stand before those that have a place in the image."""

    def __init__(self, backbone: StagedBackbone, block: nn.Module) -> None:
        # timm declares no types.
        self.block = cast(Any, block)
        self.heads: int = self.block.attn.num_heads
        self.channels: int = self.block.norm1.normalized_shape[0]
        self.nominal_window = self._nominal_window(backbone)

    @abstractmethod
    def _nominal_window(self, backbone: StagedBackbone) -> tuple[int, int]:
        """Returns height and width of the largest window of the backbone."""

    @property
    @abstractmethod
    def window(self) -> tuple[int, int]:
        """Height and width of this block's windows."""

    @property
    def hidden_channels(self) -> int:
        """Width of the feed-forward network between its two layers."""
        return self.block.mlp.fc2.in_features

    @property
    def norms(self) -> tuple[nn.LayerNorm, nn.LayerNorm]:
        """The norms of attention and feed-forward network."""
        return self.block.norm1, self.block.norm2

    @property
    def scales(self) -> tuple[Layer, Layer]:
        """What scales the outputs of attention and feed-forward network; most blocks have none."""
        return IDENTITY, IDENTITY

    @property
    def leading_norms(self) -> tuple[nn.LayerNorm, nn.LayerNorm]:
        """Frozen norms that can stand before attention and feed-forward network."""
        return self.norms

    def for_image(self, size: tuple[int, int]) -> "FrozenBlock":
        """Returns the block for the tokens of an image of this height and width."""
        return self

    def sublayer(self, norm: Layer, layer: Layer, tokens: Tensor) -> Tensor:
        """Returns what layer and norm, in the block's order, add to the residual stream."""
        return layer(norm(tokens)) if self.norm_first else norm(layer(tokens))

    def attention(self, tokens: Float[Tensor, "batch *tokens channels"]) -> Attention:
        """Returns logits and values of the frozen attention, window by window."""
        logits, values = self.products(tokens)
        offset = self.offset(tokens)
        return Attention(logits if offset is None else logits + offset, values)

    @abstractmethod
    def products(self, tokens: Float[Tensor, "batch *tokens channels"]) -> Attention:
        """Returns what `attention` does, without what is the same for all images."""

    def offset(
        self, tokens: Float[Tensor, "batch *tokens channels"]
    ) -> Float[Tensor, "window heads all_tokens all_tokens"] | None:
        """Returns what is added to the logits of every image alike: position bias and mask.

        It is far smaller than the logits: whoever adds something himself adds it here first.
        """
        return None

    @abstractmethod
    def attend(
        self, tokens: Float[Tensor, "batch *tokens channels"]
    ) -> Float[Tensor, "batch *tokens channels"]:
        """Returns the output of the frozen attention as a whole, as fast as timm runs it."""

    @abstractmethod
    def windows(
        self, tokens: Float[Tensor, "batch *tokens channels"]
    ) -> Float[Tensor, "batch window tokens channels"]:
        """Returns tokens of any width as the attention groups them; padded ones are zero."""

    @abstractmethod
    def restored(
        self,
        windows: Float[Tensor, "batch window tokens channels"],
        tokens: Float[Tensor, "batch *tokens _"],
    ) -> Float[Tensor, "batch *tokens channels"]:
        """Returns windows in the layout of the tokens that they were made of."""

    def features(
        self,
        attended: Float[Tensor, "batch window heads tokens head"],
        tokens: Float[Tensor, "batch *tokens channels"],
    ) -> Float[Tensor, "batch *tokens channels"]:
        """Returns what `gather` projects: the attended values of all heads, one after another."""
        return self.restored(attended.transpose(2, 3).flatten(3), tokens)

    @abstractmethod
    def over_grid(
        self, function: Layer, tokens: Float[Tensor, "batch *tokens channels"]
    ) -> Float[Tensor, "batch *tokens channels"]:
        """Runs a function of maps, channels second, over the tokens that have a place in the image.

        Others, such as class tokens, stay as they are.
        """

    def gather(
        self,
        attended: Float[Tensor, "batch window heads tokens head"],
        tokens: Float[Tensor, "batch *tokens channels"],
    ) -> Float[Tensor, "batch *tokens channels"]:
        """Returns the attended values of all heads, projected, in the layout of `tokens`."""
        return self.scales[0](self.block.attn.proj(self.features(attended, tokens)))

    def observed(self, tokens: Float[Tensor, "batch *tokens channels"]) -> Observed:
        """Returns the block's output and what was computed on the way, from one pass."""
        weights: list[Tensor] = []
        hidden: list[Tensor] = []

        def attend(tokens: Tensor) -> Tensor:
            logits, values = self.attention(tokens)
            # What a mask leaves of a weight is so small that products with it take many times
            # as long.
            weights.append(F.threshold(logits.softmax(dim=-1), torch.finfo(torch.float32).tiny, 0))
            return self.gather(weights[0].to(values) @ values, tokens)

        def feed(tokens: Tensor) -> Tensor:
            network = self.block.mlp
            hidden.append(network.norm(network.act(network.fc1(tokens))))
            return self.contracted(hidden[0])

        attention, feed_forward = self.norms
        tokens = tokens + self.sublayer(attention, attend, tokens)
        tokens = tokens + self.sublayer(feed_forward, feed, tokens)
        return Observed(tokens, weights[0], hidden[0])

    def contracted(
        self, hidden: Float[Tensor, "*tokens hidden"]
    ) -> Float[Tensor, "*tokens channels"]:
        """Returns what the feed-forward network makes of its hidden channels."""
        return self.scales[1](self.block.mlp.fc2(hidden))

    def feed_forward(
        self, tokens: Float[Tensor, "*tokens channels"]
    ) -> Float[Tensor, "*tokens channels"]:
        """Returns the output of the frozen feed-forward network."""
        return self.scales[1](self.block.mlp(tokens))

    def fit(self, values: Tensor, sizes: tuple[int, ...]) -> Tensor:
        """Returns values per token of the nominal window for this block's window.

        Args:
            values: The last axes run along heights and widths of the nominal window.
            sizes: What the length of these axes shall be.
        """
        for axis, size in enumerate(reversed(sizes), start=1):
            values = values.narrow(-axis, 0, size)
        return values

    def beside_prefix(
        self, bias: Float[Tensor, "task heads tokens tokens"]
    ) -> Float[Tensor, "task heads all_tokens all_tokens"]:
        """Returns the bias with zeros for tokens that belong to no place of the image."""
        return bias
