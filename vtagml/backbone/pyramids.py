"""Backbones of which only the four maps are used: no adapter can sit on their blocks."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from vtagml.backbone.timm_backbone import HUB, TimmBackbone


class _PyramidBackbone(TimmBackbone):
    """A backbone of which only the four maps are used."""

    def _options(self) -> dict[str, Any]:
        return {}

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        return self.plain_pyramid(self.model, image)


class PVTv2(_PyramidBackbone):
    """Pyramid Vision Transformer v2: keys and values at a reduced resolution."""

    closed = "its keys are not the tokens of its queries but fewer"

    def __init__(
        self,
        architecture: str = "pvt_v2_b2.in1k",
        image_size: tuple[int, int] = (224, 224),
        weights: str | None = HUB,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(architecture, image_size, weights, drop_path)


class FocalNet(_PyramidBackbone):
    """FocalNet: focal modulation instead of attention.

    Note:
        The paper's Focal Transformer (focal self-attention) is another network and not in timm.
    """

    unused = ("head.", "norm.")
    closed = "it modulates instead of attending"

    def __init__(
        self,
        architecture: str = "focalnet_tiny_srf.ms_in1k",
        image_size: tuple[int, int] = (224, 224),
        weights: str | None = HUB,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(architecture, image_size, weights, drop_path)
