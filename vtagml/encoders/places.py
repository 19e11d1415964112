"""Where adapters sit: which blocks of which stages, and the frozen network in front of them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vtagml.backbone import Backbone, FocalNet, PVTv2, StagedBackbone

_NO_PLACE: dict[type[Backbone], str] = {
    PVTv2: "its keys are not the tokens of its queries but fewer",
    FocalNet: "it modulates instead of attending",
}
_THIRD, _FOURTH = 3, 4


class Place(NamedTuple):
    """A block of a backbone; stages and blocks are counted from one, as the paper counts them."""

    stage: int
    block: int

    def __str__(self) -> str:
        return f"stage{self.stage}_block{self.block}"


def staged(backbone: Backbone) -> StagedBackbone:
    """Returns the backbone, if adapters can sit on its blocks."""
    if isinstance(backbone, StagedBackbone):
        return backbone
    reason = _NO_PLACE.get(type(backbone), "it does not show its blocks")
    raise ValueError(
        f"`backbone` must be SwinV2, Swin or ViT, found {type(backbone).__name__}: {reason}, so "
        "that a bias per pair of tokens has no place in it. Frozen, FullFineTuning and SingleTask "
        "run on every backbone."
    )


def places(backbone: StagedBackbone, blocks: Sequence[tuple[int, int]] | None) -> list[Place]:
    """Returns where adapters sit, in the order of the forward.

    Args:
        backbone: The network.
        blocks: Pairs (stage, block), both counted from one; null for the paper's place: the last
            four blocks of the third stage and the fourth stage's, of which never more than two.
    """
    depths = [len(stage.blocks) for stage in backbone.stages]
    if blocks is None:
        third, fourth = depths[_THIRD - 1], depths[_FOURTH - 1]
        return [
            *(Place(_THIRD, block + 1) for block in range(max(third - 4, 0), third)),
            *(Place(_FOURTH, block + 1) for block in range(max(fourth - 2, 0), fourth)),
        ]
    chosen = sorted({Place(stage, block) for stage, block in blocks})
    if not chosen:
        raise ValueError(
            "`blocks` must name at least one (stage, block), found none: leave it out for the "
            "paper's, or use the encoder Frozen for a backbone without adapters."
        )
    for place in chosen:
        _check(place, depths, backbone.architecture)
    return chosen


def _check(place: Place, depths: Sequence[int], architecture: str) -> None:
    if not 1 <= place.stage <= len(depths):
        raise ValueError(
            f"`blocks` must have stages between 1 and {len(depths)}, found stage {place.stage} in "
            f"({place.stage}, {place.block})."
        )
    depth = depths[place.stage - 1]
    if not 1 <= place.block <= depth:
        raise ValueError(
            f"`blocks` must have blocks between 1 and {depth} in stage {place.stage} of "
            f"`{architecture}`, found block {place.block}: both numbers count from one."
        )


@torch.no_grad()
def frozen_prefix(
    backbone: StagedBackbone, image: Float[Tensor, "batch 3 height width"], first: Place
) -> tuple[list[Tensor], Tensor]:
    """Returns the maps of the stages before that of the first adapter, and its input tokens.

    Nothing in front of the first adapter trains: no activation is kept.
    """
    size = (image.shape[-2], image.shape[-1])
    stages = backbone.stages
    tokens = backbone.stem(backbone.normalize(image))
    pyramid = []
    for index, stage in enumerate(stages[: first.stage - 1]):
        tokens = stage.downsample(tokens)
        for block in stage.blocks:
            tokens = block(tokens)
        pyramid.append(backbone.level(index, tokens, size))
    tokens = stages[first.stage - 1].downsample(tokens)
    for block in stages[first.stage - 1].blocks[: first.block - 1]:
        tokens = block(tokens)
    return pyramid, tokens
