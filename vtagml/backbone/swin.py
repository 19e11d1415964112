"""Swin of both versions, and the small one that ships with the package."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.backbone.backbone import STRIDES
from vtagml.backbone.staged import Stage, StagedBackbone
from vtagml.backbone.timm_backbone import HUB

SHIPPED = Path(__file__).parents[1] / "weights" / "swinv2_nano_scenes.safetensors"


class _WindowBackbone(StagedBackbone):
    """Swin of either version: tokens are `[batch, height, width, channels]`."""

    def _options(self) -> dict[str, Any]:
        return {"img_size": self.image_size, "strict_img_size": False}

    def _create(self, drop_path: float) -> Any:
        model = super()._create(drop_path)
        self.windows = [layer.blocks[0].window_size for layer in model.layers]
        return model

    def resize(self, size: tuple[int, int]) -> None:
        self.model.set_input_size(img_size=size, window_size=self.windows)

    @property
    def stages(self) -> list[Stage]:
        return [Stage(layer.downsample, list(layer.blocks)) for layer in self.model.layers]

    def stem(self, image: Float[Tensor, "batch 3 height width"]) -> Tensor:
        return self.model.patch_embed(image)

    def _attentions(self) -> Iterator[Any]:
        for place in self.places():
            yield cast(Any, self.block(place)).attn

    def level(self, stage: int, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        return tokens.permute(0, 3, 1, 2)


class SwinV2(_WindowBackbone):
    """Swin V2: cosine attention, continuous position bias, norms after the sub-layers.

    Note:
        The paper's text says Swin-B V2 with ImageNet-22K weights, its widths are Swin-L's, and
        the released code is Swin-S V1: the backbone is a setting, none is "the" paper's.
    """

    def __init__(
        self,
        architecture: str = "swinv2_base_window12_192.ms_in22k",
        image_size: tuple[int, int] = (192, 192),
        weights: str | None = HUB,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(architecture, image_size, weights, drop_path)

    def biases(self) -> Iterator[nn.Parameter]:
        yield from super().biases()
        for attention in self._attentions():
            yield from (attention.q_bias, attention.v_bias)  # keys have none

    def position_biases(self) -> Iterator[nn.Parameter]:
        for attention in self._attentions():
            yield from attention.cpb_mlp.parameters()

    def replace(self, block: nn.Module, layer: str, make: Callable[[nn.Module], nn.Module]) -> None:
        super().replace(block, layer, make)
        if layer == "attn.qkv":  # or timm reads the layer's weight instead of calling the layer
            cast(Any, block).attn.qkv_bias_separate = True


class Swin(_WindowBackbone):
    """Swin V1: scaled dot-product attention, table of position biases, norms before."""

    def __init__(
        self,
        architecture: str = "swin_tiny_patch4_window7_224.ms_in1k",
        image_size: tuple[int, int] = (224, 224),
        weights: str | None = HUB,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(architecture, image_size, weights, drop_path)

    def position_biases(self) -> Iterator[nn.Parameter]:
        for attention in self._attentions():
            yield attention.relative_position_bias_table

    def resize(self, size: tuple[int, int]) -> None:
        for stride, window in zip(STRIDES, self.windows, strict=True):
            grid = (size[0] // stride, size[1] // stride)
            if any(side > room for side, room in zip(window, grid, strict=True)):
                raise ValueError(
                    f"Images for Swin V1 with windows of {window} tokens must have at least "
                    f"{window[0] * stride} x {window[1] * stride} pixels, found {size[0]} x "
                    f"{size[1]}: its biases of positions would be made anew, apart from those that "
                    "the optimiser has. Take larger images, or Swin V2."
                )
        super().resize(size)


class SwinV2Nano(SwinV2):
    """The small Swin V2 that ships with the package, pre-trained on rendered objects.

    Width 32, depths 2-2-6-2, windows of 8, 3.16 M parameters: enough for a CPU. Made by
    `experiments/pretrain_scenes.yaml`.

    Args:
        image_size: Height and width the network is built for.
        weights: `shipped`, a local file, or null for a random start.
        drop_path: Stochastic depth, only when the backbone trains.
    """

    def __init__(
        self,
        image_size: tuple[int, int] = (128, 128),
        weights: str | None = "shipped",
        drop_path: float = 0.0,
    ) -> None:
        path = str(SHIPPED) if weights == "shipped" else weights
        if path == HUB:
            raise ValueError(
                "`weights` of SwinV2Nano must be `shipped`, a local file or null, found `hub`: no "
                "hub has this network."
            )
        super().__init__("swinv2_tiny_window8_256", image_size, path, drop_path)

    def _options(self) -> dict[str, Any]:
        return super()._options() | {
            "embed_dim": 32,
            "depths": (2, 2, 6, 2),
            "num_heads": (2, 4, 8, 16),
            "window_size": 8,
        }
