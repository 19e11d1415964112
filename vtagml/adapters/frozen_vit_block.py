"""The block of ViT, taken apart."""

from copy import copy
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters.frozen_block import Attention, FrozenBlock, Layer
from vtagml.backbone import StagedBackbone, ViT


class FrozenViTBlock(FrozenBlock):
    """A block of ViT: every token sees every other; the token grid is its only window.

    Class and register tokens stand first and get no task bias. A' belongs to the grid of the
    backbone's `image_size`; for other images it is resized linearly, as position embeddings are.
    """

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
    def scales(self) -> tuple[Layer, Layer]:
        return self.block.ls1, self.block.ls2

    def for_image(self, size: tuple[int, int]) -> "FrozenBlock":
        block = copy(self)
        block.grid = (size[0] // self.patch_size[0], size[1] // self.patch_size[1])
        return block

    def products(self, tokens: Float[Tensor, "batch tokens channels"]) -> Attention:
        attention = self.block.attn
        projected = attention.qkv(tokens).unflatten(-1, (3, self.heads, -1))
        queries, keys, values = projected.permute(2, 0, 3, 1, 4).unsqueeze(2).unbind(0)
        queries, keys = attention.q_norm(queries), attention.k_norm(keys)
        return Attention((queries * attention.scale) @ keys.transpose(-2, -1), values)

    def attend(
        self, tokens: Float[Tensor, "batch tokens channels"]
    ) -> Float[Tensor, "batch tokens channels"]:
        return self.block.ls1(self.block.attn(tokens))

    def windows(
        self, tokens: Float[Tensor, "batch tokens channels"]
    ) -> Float[Tensor, "batch window tokens channels"]:
        return tokens.unsqueeze(1)

    def restored(
        self,
        windows: Float[Tensor, "batch window tokens channels"],
        tokens: Float[Tensor, "batch tokens _"],
    ) -> Float[Tensor, "batch tokens channels"]:
        return windows.squeeze(1)

    def features(
        self,
        attended: Float[Tensor, "batch window heads tokens head"],
        tokens: Float[Tensor, "batch tokens channels"],
    ) -> Float[Tensor, "batch tokens channels"]:
        return self.block.attn.norm(super().features(attended, tokens))

    def over_grid(
        self, function: Layer, tokens: Float[Tensor, "batch tokens channels"]
    ) -> Float[Tensor, "batch tokens channels"]:
        prefix, patches = tokens.tensor_split([self.prefix_tokens], dim=1)
        map = function(patches.transpose(1, 2).unflatten(2, self.grid))
        return torch.cat([prefix, map.flatten(2).transpose(1, 2)], dim=1)

    def fit(self, values: Tensor, sizes: tuple[int, ...]) -> Tensor:
        for axis, size in enumerate(reversed(sizes), start=1):
            if values.shape[-axis] != size:
                values = _resize(values, -axis, size)
        return values

    def beside_prefix(
        self, bias: Float[Tensor, "task heads tokens tokens"]
    ) -> Float[Tensor, "task heads all_tokens all_tokens"]:
        return F.pad(bias, (self.prefix_tokens, 0, self.prefix_tokens, 0))


def _resize(values: Tensor, axis: int, size: int) -> Tensor:
    last = values.movedim(axis, -1)
    flat = F.interpolate(last.reshape(1, -1, last.shape[-1]), size=size, mode="linear")
    return flat.view(*last.shape[:-1], size).movedim(-1, axis)
