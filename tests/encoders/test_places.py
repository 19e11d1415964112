from typing import Any

import pytest
import torch

from tests.fakes.backbones import TinySwinV2, TinyViT, awake
from vtagml.backbone import Backbone, FocalNet, PVTv2
from vtagml.encoders.places import Place, frozen_prefix, places, staged


class DeepSwinV2(TinySwinV2):
    def _options(self) -> dict[str, Any]:
        return super()._options() | {"embed_dim": 4, "depths": (2, 2, 18, 2)}


def test_the_default_is_the_paper_s() -> None:
    # Fig. 2: blocks 15 to 18 of the third stage, both of the fourth.
    expected = [(3, 15), (3, 16), (3, 17), (3, 18), (4, 1), (4, 2)]

    assert places(DeepSwinV2((64, 64)), None) == expected


def test_the_default_takes_what_shallow_stages_have() -> None:
    assert places(TinyViT(), None) == [(3, 1), (3, 2), (4, 1), (4, 2)]


def test_places_are_sorted_and_counted_once() -> None:
    assert places(TinyViT(), [(4, 1), (1, 2), (4, 1)]) == [Place(1, 2), Place(4, 1)]


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([], "at least one"),
        ([(5, 1)], r"between 1 and 4, found stage 5 in \(5, 1\)"),
        ([(0, 1)], "found stage 0"),
        ([(3, 3)], "between 1 and 2 in stage 3 of `vit_tiny_patch16_224`, found block 3"),
        ([(3, 0)], "found block 0.*count from one"),
    ],
)
def test_impossible_blocks_are_refused(blocks: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(ValueError, match=rf"`blocks`.*{message}"):
        places(TinyViT(), blocks)


@pytest.mark.parametrize(
    ("family", "reason"), [(PVTv2, "keys are not the tokens"), (FocalNet, "modulates")]
)
def test_backbones_without_a_place_are_refused_with_the_reason(
    family: type[Backbone], reason: str
) -> None:
    # The class alone decides; a full network would take a second to build.
    backbone = family.__new__(family)

    with pytest.raises(ValueError, match=rf"`backbone`.*found {family.__name__}: .*{reason}"):
        staged(backbone)


@pytest.mark.parametrize("first", [Place(1, 1), Place(2, 2), Place(3, 1)])
def test_the_prefix_is_the_backbone_up_to_the_first_adapter(first: Place) -> None:
    backbone = awake(TinySwinV2()).freeze()
    image = torch.rand(1, 3, 96, 160)

    pyramid, tokens = frozen_prefix(backbone, image, first)

    assert len(pyramid) == first.stage - 1
    for level, expected in zip(pyramid, backbone(image), strict=False):
        assert torch.equal(level, expected)
    stage = backbone.stages[first.stage - 1]
    for block in stage.blocks[first.block - 1 :]:
        tokens = block(tokens)
    expected = backbone(image)[first.stage - 1]
    assert torch.equal(backbone.level(first.stage - 1, tokens, (96, 160)), expected)


def test_the_prefix_keeps_no_activation() -> None:
    backbone = awake(TinySwinV2())

    pyramid, tokens = frozen_prefix(backbone, torch.rand(1, 3, 64, 64), Place(3, 1))

    assert all(each.grad_fn is None for each in (*pyramid, tokens))
