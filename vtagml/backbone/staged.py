"""Backbones that run stage by stage and block by block, so that adapters find their place."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.backbone.timm_backbone import TimmBackbone


class Stage(NamedTuple):
    """A stage of a backbone: what changes resolution and width, then blocks that keep both."""

    downsample: nn.Module
    blocks: Sequence[nn.Module]


class StagedBackbone(TimmBackbone):
    """A backbone that runs as stem, then stages of blocks, so that adapters find their place."""

    unused: tuple[str, ...] = ("head.", "norm.", "fc_norm.")

    @property
    @abstractmethod
    def stages(self) -> list[Stage]:
        """The four stages, in order."""

    @abstractmethod
    def stem(self, image: Float[Tensor, "batch 3 height width"]) -> Tensor:
        """Returns the tokens that enter the first stage."""

    @abstractmethod
    def level(self, stage: int, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        """Returns the map of a stage's output tokens: channels second, at stride 4 · 2^stage.

        Args:
            stage: Index of the stage.
            tokens: Its output.
            size: Height and width of the image.
        """

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        size = (image.shape[-2], image.shape[-1])
        tokens = self.stem(self.normalize(image))
        pyramid = []
        for index, stage in enumerate(self.stages):
            tokens = stage.downsample(tokens)
            for block in stage.blocks:
                tokens = block(tokens)
            pyramid.append(self.level(index, tokens, size))
        return pyramid
