"""The pre-trained block under an adapter: its parts, in the words that adapters need.

One class per family of blocks; beside `backbone` the only place that knows timm's networks. None
is a module: the backbone owns the weights, so that an adapter's state dict holds what it trains.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import copy
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from timm.models.swin_transformer import SwinTransformerBlock
from timm.models.swin_transformer_v2 import SwinTransformerV2Block
from timm.models.vision_transformer import Block as ViTBlock
from torch import Tensor, nn

from vtagml.backbone import StagedBackbone, ViT

Layer = Callable[[Tensor], Tensor]


class Attention(NamedTuple):
    """What a block's attention is made of before its softmax.

    Attributes:
        logits: Scaled q·kᵀ with position bias and mask, [batch, window, heads, tokens, tokens].
        values: v, [batch, window, heads, tokens, channels of a head].
    """

    logits: Tensor
    values: Tensor


class FrozenBlock(ABC):
    """A pre-trained block, taken apart.

    Args:
        backbone: The network that the block belongs to.
        block: timm's block.
    """

    norm_first: bool
    """Whether the block's norms stand before attention and feed-forward network, or after."""

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
    def norms(self) -> tuple[nn.LayerNorm, nn.LayerNorm]:
        """The norms of attention and feed-forward network."""
        return self.block.norm1, self.block.norm2

    @property
    @abstractmethod
    def leading_norms(self) -> tuple[nn.LayerNorm, nn.LayerNorm]:
        """Frozen norms that can stand before attention and feed-forward network."""

    def for_image(self, size: tuple[int, int]) -> "FrozenBlock":
        """Returns the block for the tokens of an image of this height and width."""
        return self

    @abstractmethod
    def sublayer(self, norm: Layer, layer: Layer, tokens: Tensor) -> Tensor:
        """Returns what layer and norm, in the block's order, add to the residual stream."""

    @abstractmethod
    def attention(self, tokens: Float[Tensor, "batch *tokens channels"]) -> Attention:
        """Returns logits and values of the frozen attention, window by window."""

    @abstractmethod
    def gather(
        self,
        attended: Float[Tensor, "batch window heads tokens head"],
        tokens: Float[Tensor, "batch *tokens channels"],
    ) -> Float[Tensor, "batch *tokens channels"]:
        """Returns the attended values of all heads, projected, in the layout of `tokens`."""

    def feed_forward(
        self, tokens: Float[Tensor, "*tokens channels"]
    ) -> Float[Tensor, "*tokens channels"]:
        """Returns the output of the frozen feed-forward network."""
        return self.block.mlp(tokens)

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


class _FrozenWindowBlock(FrozenBlock):
    """Swin of either version: attention within windows, shifted in every second block.

    Windows and shifts are those of the backbone's `image_size`; other images are padded.
    """

    def _nominal_window(self, backbone: StagedBackbone) -> tuple[int, int]:
        # timm keeps only the window of each block, clamped to its map; the first stage has the
        # largest map.
        first = cast(Any, backbone.stages[0].blocks[0]).window_size
        return max(first[0], self.window[0]), max(first[1], self.window[1])

    @property
    def window(self) -> tuple[int, int]:
        height, width = self.block.window_size
        return height, width

    @abstractmethod
    def queries_keys_values(self, windows: Tensor) -> Tensor:
        """Returns q, k, v, on the last axis."""

    @abstractmethod
    def similarity(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Returns the attention logits without mask."""

    def attention(self, tokens: Float[Tensor, "batch height width channels"]) -> Attention:
        padded = self._shift_and_pad(tokens)
        projected = self.queries_keys_values(self._partition(padded))
        # [batch, window, tokens, (q k v) · heads · head]
        queries, keys, values = (
            projected.unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5).unbind(0)
        )
        logits = self.similarity(queries, keys)
        mask = self.block.get_attn_mask(padded)
        return Attention(logits if mask is None else logits + mask.unsqueeze(1), values)

    def gather(
        self,
        attended: Float[Tensor, "batch window heads tokens head"],
        tokens: Float[Tensor, "batch height width channels"],
    ) -> Float[Tensor, "batch height width channels"]:
        height, width = tokens.shape[1:3]
        window_height, window_width = self.window
        rows, columns = math.ceil(height / window_height), math.ceil(width / window_width)
        windows = self.block.attn.proj(attended.transpose(2, 3).flatten(3))
        grid = windows.unflatten(2, self.window).unflatten(1, (rows, columns))
        padded = grid.transpose(2, 3).flatten(3, 4).flatten(1, 2)
        return torch.roll(padded[:, :height, :width], self.block.shift_size, dims=(1, 2))

    def _shift_and_pad(self, tokens: Tensor) -> Tensor:
        down, right = self.block.shift_size
        shifted = torch.roll(tokens, (-down, -right), dims=(1, 2))
        missing_rows, missing_columns = (
            -length % side for length, side in zip(tokens.shape[1:3], self.window, strict=True)
        )
        return F.pad(shifted, (0, 0, 0, missing_columns, 0, missing_rows))

    def _partition(self, padded: Tensor) -> Tensor:
        window_height, window_width = self.window
        grid = padded.unflatten(2, (-1, window_width)).unflatten(1, (-1, window_height))
        # [batch, rows, columns, window height, window width, channels]
        return grid.transpose(2, 3).flatten(3, 4).flatten(1, 2)


class FrozenSwinV2Block(_FrozenWindowBlock):
    """A block of Swin V2: cosine attention with a learned scale; the norms stand after."""

    norm_first = False

    @property
    def leading_norms(self) -> tuple[nn.LayerNorm, nn.LayerNorm]:
        # The block's own norms close a sub-layer: their scales are as small as its share of the
        # residual stream (about .05) and would starve the layer behind.
        first, second = (
            nn.LayerNorm(self.channels, norm.eps, elementwise_affine=False) for norm in self.norms
        )
        return first, second

    def sublayer(self, norm: Layer, layer: Layer, tokens: Tensor) -> Tensor:
        return norm(layer(tokens))

    def queries_keys_values(self, windows: Tensor) -> Tensor:
        attention = self.block.attn
        bias = None
        if attention.q_bias is not None:
            bias = torch.cat((attention.q_bias, attention.k_bias, attention.v_bias))
        return F.linear(windows, attention.qkv.weight, bias)

    def similarity(self, queries: Tensor, keys: Tensor) -> Tensor:
        attention = self.block.attn
        cosines = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).transpose(-2, -1)
        scale = attention.logit_scale.clamp(max=math.log(100.0)).exp()  # Swin V2 caps it at 100.
        table = attention.cpb_mlp(attention.relative_coords_table).flatten(0, -2)
        position = 16 * torch.sigmoid(table[attention.relative_position_index])
        return cosines * scale + position.permute(2, 0, 1)


class FrozenSwinBlock(_FrozenWindowBlock):
    """A block of Swin V1: scaled dot products and a table of position biases; norms before."""

    norm_first = True

    @property
    def leading_norms(self) -> tuple[nn.LayerNorm, nn.LayerNorm]:
        return self.norms

    def sublayer(self, norm: Layer, layer: Layer, tokens: Tensor) -> Tensor:
        return layer(norm(tokens))

    def queries_keys_values(self, windows: Tensor) -> Tensor:
        return self.block.attn.qkv(windows)

    def similarity(self, queries: Tensor, keys: Tensor) -> Tensor:
        attention = self.block.attn
        position = attention.relative_position_bias_table[attention.relative_position_index]
        return (queries * attention.scale) @ keys.transpose(-2, -1) + position.permute(2, 0, 1)


class FrozenViTBlock(FrozenBlock):
    """A block of ViT: every token sees every other; the token grid is its only window.

    Class and register tokens stand first and get no task bias. A' belongs to the grid of the
    backbone's `image_size`; for other images it is resized linearly, as position embeddings are.
    """

    norm_first = True

    def __init__(self, backbone: StagedBackbone, block: nn.Module) -> None:
        super().__init__(backbone, block)
        self.grid = self.nominal_window
        if getattr(self.block.attn, "gate", None) is not None:
            raise ValueError(
                f"`backbone` {backbone.architecture} gates its attention, which adapters do not "
                "know: choose another ViT."
            )
        self.prefix_tokens = cast(ViT, backbone).prefix_tokens
        self.patch_size: tuple[int, int] = backbone.model.patch_embed.patch_size

    def _nominal_window(self, backbone: StagedBackbone) -> tuple[int, int]:
        rows, columns = backbone.model.patch_embed.grid_size
        return rows, columns

    @property
    def window(self) -> tuple[int, int]:
        return self.grid

    @property
    def leading_norms(self) -> tuple[nn.LayerNorm, nn.LayerNorm]:
        return self.norms

    def for_image(self, size: tuple[int, int]) -> "FrozenBlock":
        block = copy(self)
        block.grid = (size[0] // self.patch_size[0], size[1] // self.patch_size[1])
        return block

    def sublayer(self, norm: Layer, layer: Layer, tokens: Tensor) -> Tensor:
        return layer(norm(tokens))

    def attention(self, tokens: Float[Tensor, "batch tokens channels"]) -> Attention:
        attention = self.block.attn
        projected = attention.qkv(tokens).unflatten(-1, (3, self.heads, -1))
        queries, keys, values = projected.permute(2, 0, 3, 1, 4).unsqueeze(2).unbind(0)
        queries, keys = attention.q_norm(queries), attention.k_norm(keys)
        return Attention((queries * attention.scale) @ keys.transpose(-2, -1), values)

    def gather(
        self,
        attended: Float[Tensor, "batch window heads tokens head"],
        tokens: Float[Tensor, "batch tokens channels"],
    ) -> Float[Tensor, "batch tokens channels"]:
        attention = self.block.attn
        heads_joined = attended.squeeze(1).transpose(1, 2).flatten(2)
        return self.block.ls1(attention.proj(attention.norm(heads_joined)))

    def feed_forward(
        self, tokens: Float[Tensor, "*tokens channels"]
    ) -> Float[Tensor, "*tokens channels"]:
        return self.block.ls2(self.block.mlp(tokens))

    def fit(self, values: Tensor, sizes: tuple[int, ...]) -> Tensor:
        for axis, size in enumerate(reversed(sizes), start=1):
            if values.shape[-axis] != size:
                values = _resize(values, -axis, size)
        return values

    def beside_prefix(
        self, bias: Float[Tensor, "task heads tokens tokens"]
    ) -> Float[Tensor, "task heads all_tokens all_tokens"]:
        return F.pad(bias, (self.prefix_tokens, 0, self.prefix_tokens, 0))


def frozen_block(backbone: StagedBackbone, block: nn.Module) -> FrozenBlock:
    """Returns the block in the class of its family."""
    families: dict[type, type[FrozenBlock]] = {
        SwinTransformerV2Block: FrozenSwinV2Block,
        SwinTransformerBlock: FrozenSwinBlock,
        ViTBlock: FrozenViTBlock,
    }
    family = families.get(type(block))
    if family is None:
        known = ", ".join(each.__name__ for each in families)
        raise ValueError(
            f"`backbone` must be made of blocks that adapters know ({known} of timm), found "
            f"{type(block).__name__} in `{backbone.architecture}`: choose another architecture."
        )
    return family(backbone, block)


def _resize(values: Tensor, axis: int, size: int) -> Tensor:
    last = values.movedim(axis, -1)
    flat = F.interpolate(last.reshape(1, -1, last.shape[-1]), size=size, mode="linear")
    return flat.view(*last.shape[:-1], size).movedim(-1, axis)
