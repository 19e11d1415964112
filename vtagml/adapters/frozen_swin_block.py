"""The blocks of Swin and Swin V2, taken apart."""

import math
from abc import abstractmethod
from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters.frozen_block import Attention, FrozenBlock, Layer
from vtagml.backbone import StagedBackbone


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
    def scaled(self, queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Returns queries and keys whose products are the logits without position bias and mask."""

    @abstractmethod
    def position_bias(self) -> Float[Tensor, "heads all_tokens all_tokens"]:
        """Returns what a window adds to the logits for the places of two tokens."""

    def products(self, tokens: Float[Tensor, "batch height width channels"]) -> Attention:
        projected = self.queries_keys_values(self.windows(tokens))
        # [batch, window, tokens, (q k v) · heads · head]
        queries, keys, values = (
            projected.unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5).unbind(0)
        )
        queries, keys = self.scaled(queries, keys)
        return Attention(queries @ keys.transpose(-2, -1), values)

    def offset(
        self, tokens: Float[Tensor, "batch height width channels"]
    ) -> Float[Tensor, "window heads all_tokens all_tokens"]:
        position = self.position_bias().unsqueeze(0)
        mask = self.block.get_attn_mask(self._pad(tokens[:1, ..., :1]))
        return position if mask is None else position + mask.unsqueeze(1)

    def attend(
        self, tokens: Float[Tensor, "batch height width channels"]
    ) -> Float[Tensor, "batch height width channels"]:
        return self.block._attn(tokens)

    def over_grid(
        self, function: Layer, tokens: Float[Tensor, "batch height width channels"]
    ) -> Float[Tensor, "batch height width channels"]:
        return function(tokens.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    def windows(
        self, tokens: Float[Tensor, "batch height width channels"]
    ) -> Float[Tensor, "batch window tokens channels"]:
        down, right = self.block.shift_size
        padded = self._pad(torch.roll(tokens, (-down, -right), dims=(1, 2)))
        window_height, window_width = self.window
        grid = padded.unflatten(2, (-1, window_width)).unflatten(1, (-1, window_height))
        # [batch, rows, columns, window height, window width, channels]
        return grid.transpose(2, 3).flatten(3, 4).flatten(1, 2)

    def restored(
        self,
        windows: Float[Tensor, "batch window tokens channels"],
        tokens: Float[Tensor, "batch height width _"],
    ) -> Float[Tensor, "batch height width channels"]:
        height, width = tokens.shape[1:3]
        window_height, window_width = self.window
        rows, columns = math.ceil(height / window_height), math.ceil(width / window_width)
        grid = windows.unflatten(2, self.window).unflatten(1, (rows, columns))
        padded = grid.transpose(2, 3).flatten(3, 4).flatten(1, 2)
        return torch.roll(padded[:, :height, :width], self.block.shift_size, dims=(1, 2))

    def _pad(self, tokens: Tensor) -> Tensor:
        missing_rows, missing_columns = (
            -length % side for length, side in zip(tokens.shape[1:3], self.window, strict=True)
        )
        return F.pad(tokens, (0, 0, 0, missing_columns, 0, missing_rows))


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

    def queries_keys_values(self, windows: Tensor) -> Tensor:
        attention = self.block.attn
        bias = None
        if attention.q_bias is not None:
            bias = torch.cat((attention.q_bias, attention.k_bias, attention.v_bias))
        if not isinstance(attention.qkv, nn.Linear):  # but one with something beside it
            projected: Tensor = attention.qkv(windows)
            return projected if bias is None else projected + bias
        return F.linear(windows, attention.qkv.weight, bias)

    def scaled(self, queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        # Swin V2 caps the scale at 100.
        scale = self.block.attn.logit_scale.clamp(max=math.log(100.0)).exp()
        return F.normalize(queries, dim=-1) * scale, F.normalize(keys, dim=-1)

    def position_bias(self) -> Float[Tensor, "heads all_tokens all_tokens"]:
        attention = self.block.attn
        table = attention.cpb_mlp(attention.relative_coords_table).flatten(0, -2)
        position = 16 * torch.sigmoid(table[attention.relative_position_index])
        return position.permute(2, 0, 1)


class FrozenSwinBlock(_FrozenWindowBlock):
    """A block of Swin V1: scaled dot products and a table of position biases; norms before."""

    def queries_keys_values(self, windows: Tensor) -> Tensor:
        return self.block.attn.qkv(windows)

    def scaled(self, queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        return queries * self.block.attn.scale, keys

    def position_bias(self) -> Float[Tensor, "heads all_tokens all_tokens"]:
        attention = self.block.attn
        position = attention.relative_position_bias_table[attention.relative_position_index]
        return position.permute(2, 0, 1)
