"""Backbones small enough for a test, of each family that adapters know."""

from typing import Any, TypeVar

import pytest
import torch
from torch import nn

from vtagml.backbone import Backbone, StagedBackbone, Swin, SwinV2, ViT

BackboneType = TypeVar("BackboneType", bound=Backbone)
_WINDOWED = {
    "embed_dim": 16,
    "depths": (2, 2, 2, 2),
    "num_heads": (2, 2, 4, 4),
    "window_size": 4,
}


class TinySwinV2(SwinV2):
    """Width 16, two blocks per stage, windows of 4; at 256 pixels every stage shifts."""

    def __init__(
        self,
        image_size: tuple[int, int] = (256, 256),
        weights: str | None = None,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__("swinv2_tiny_window8_256", image_size, weights, drop_path)

    def _options(self) -> dict[str, Any]:
        return super()._options() | _WINDOWED


class TinySwin(Swin):
    """As `TinySwinV2`, of the first version."""

    def __init__(
        self,
        image_size: tuple[int, int] = (256, 256),
        weights: str | None = None,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__("swin_tiny_patch4_window7_224", image_size, weights, drop_path)

    def _options(self) -> dict[str, Any]:
        return super()._options() | _WINDOWED


class TinyViT(ViT):
    """Width 32, two blocks per quarter, patches of 16."""

    def __init__(
        self,
        image_size: tuple[int, int] = (64, 96),
        weights: str | None = None,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__("vit_tiny_patch16_224", image_size, weights, drop_path)

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"embed_dim": 32, "depth": 8, "num_heads": 2}


FAMILIES: list[type[StagedBackbone]] = [TinySwinV2, TinySwin, TinyViT]
FIRST_OF_FAMILIES = [
    FAMILIES[0],
    *(pytest.param(each, marks=pytest.mark.slow) for each in FAMILIES[1:]),
]
"""For what hardly depends on the family: the others are left to the slow tests."""


def awake(backbone: BackboneType) -> BackboneType:
    """Returns the backbone with norms and biases as if trained.

    timm starts Swin V2's norms at zero, so that its blocks are the identity, whatever they hold.
    """
    for module in backbone.modules():
        if isinstance(module, nn.LayerNorm):
            nn.init.normal_(module.weight, 0.5, 0.1)
    with torch.no_grad():
        for parameter in backbone.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return backbone
