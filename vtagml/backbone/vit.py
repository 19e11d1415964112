"""ViT, with a pyramid made from its one scale."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.backbone.backbone import LEVELS, STRIDES
from vtagml.backbone.staged import Stage, StagedBackbone
from vtagml.backbone.timm_backbone import HUB


class ViT(StagedBackbone):
    """A plain vision transformer; its quarters stand for stages, each resized to its stride.

    Every level passes the final norm, as DINOv2's own dense tasks read intermediate layers: the
    stream grows from block to block, in DINOv2-S by a factor of 45 from the first quarter to the
    last, and decoders would hardly see the early levels beside the late ones.

    Tokens are `[batch, tokens, channels]`, class and register tokens first.

    Args:
        architecture: timm's name of the network, with the tag of its weights.
        image_size: Height and width the network is built for. Positions are interpolated from the
            size the weights were made for, and again for images of other sizes.
        weights: As for every backbone.
        drop_path: Stochastic depth, only when the backbone trains.
        patch_size: Side of a patch, to which the weights are resampled; null for the
            architecture's own. DINOv2's patches of 14 pixels fit no stride: take 16.
    """

    unused: tuple[str, ...] = ("head.", "fc_norm.", "attn_pool.")

    def __init__(
        self,
        architecture: str = "vit_base_patch16_224.augreg_in21k",
        image_size: tuple[int, int] = (224, 224),
        weights: str | None = HUB,
        drop_path: float = 0.0,
        patch_size: int | None = None,
    ) -> None:
        self.patch_size = patch_size  # the network is built with it
        super().__init__(architecture, image_size, weights, drop_path)
        blocks = len(self.model.blocks)
        if blocks % LEVELS:
            raise ValueError(
                f"`architecture` must have a number of blocks divisible by {LEVELS}, found "
                f"{blocks} in `{architecture}`: its quarters stand for the stages."
            )
        self.channels = (self.model.embed_dim,) * LEVELS

    def _create(self, drop_path: float) -> Any:
        model = super()._create(drop_path)
        patch = model.patch_embed.patch_size
        if max(patch) > STRIDES[-1] or STRIDES[-1] % max(patch):
            raise ValueError(
                f"`patch_size` must divide {STRIDES[-1]} pixels, found {max(patch)} in "
                f"`{self.architecture}`: with `patch_size: 16` its weights are resampled."
            )
        return model

    def _options(self) -> dict[str, Any]:
        options = {"img_size": self.image_size, "dynamic_img_size": True}
        return options if self.patch_size is None else options | {"patch_size": self.patch_size}

    @property
    def prefix_tokens(self) -> int:
        """How many class and register tokens stand before the patches."""
        return self.model.num_prefix_tokens

    @property
    def stages(self) -> list[Stage]:
        blocks = list(self.model.blocks)
        quarter = len(blocks) // LEVELS
        return [
            Stage(nn.Identity(), blocks[start : start + quarter])
            for start in range(0, len(blocks), quarter)
        ]

    def stem(self, image: Float[Tensor, "batch 3 height width"]) -> Tensor:
        model = self.model
        return model.norm_pre(model.patch_drop(model._pos_embed(model.patch_embed(image))))

    def level(self, stage: int, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        patch_height, patch_width = self.model.patch_embed.patch_size
        grid = (size[0] // patch_height, size[1] // patch_width)
        patches = (
            self.model.norm(tokens)[:, self.prefix_tokens :].transpose(1, 2).unflatten(2, grid)
        )
        return at_stride(STRIDES[stage], patches, size)

    @property
    def heads_summary(self) -> bool:
        return self.model.has_class_token and self.model.global_pool == "token"

    def summary(self, tokens: Tensor) -> Sequence[Float[Tensor, "batch channels"]]:
        return (self.model.norm(tokens)[:, 0],) if self.model.has_class_token else ()

    def plain_pyramid(
        self, model: Any, image: Float[Tensor, "batch 3 height width"]
    ) -> list[Tensor]:
        quarter = len(model.blocks) // LEVELS
        levels = model.forward_intermediates(
            self.normalize(image),
            indices=[quarter * count - 1 for count in range(1, LEVELS + 1)],
            return_prefix_tokens=True,
            norm=True,
            intermediates_only=True,
        )
        size = (image.shape[-2], image.shape[-1])
        # Without such tokens timm gives the patches alone.
        patches = [level[0] if model.num_prefix_tokens else level for level in levels]
        maps = [at_stride(*each, size) for each in zip(STRIDES, patches, strict=True)]
        return [*maps, levels[-1][1][:, 0]] if model.has_class_token else maps


def at_stride(stride: int, patches: Tensor, size: tuple[int, int]) -> Tensor:
    """Resizes a map of patches to that of a stage."""
    grid = (patches.shape[-2], patches.shape[-1])
    target = (size[0] // stride, size[1] // stride)
    # No CPU makes an antialiased map of 16 bits.
    wide = patches.to(torch.promote_types(patches.dtype, torch.float32))
    resized = F.interpolate(wide, size=target, mode="bilinear", antialias=target < grid)
    return resized.to(patches.dtype)
