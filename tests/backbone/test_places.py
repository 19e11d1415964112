import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import TinySwinV2, TinyViT, awake
from vtagml.backbone import Backbone, FocalNet, Place, PVTv2, staged


def test_all_blocks_are_places() -> None:
    expected = [(stage, block) for stage in range(1, 5) for block in (1, 2)]

    assert TinyViT().places() == expected


def test_places_are_sorted_and_counted_once() -> None:
    assert TinyViT().places([(4, 1), (1, 2), (4, 1)]) == [Place(1, 2), Place(4, 1)]


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([], "at least one"),
        ([(5, 1)], r"between 1 and 4, found stage 5 in \(5, 1\)"),
        ([(0, 1)], "found stage 0"),
        ([(3, 3)], "between 1 and 2 in stage 3 of this backbone, found block 3"),
        ([(3, 0)], "found block 0.*count from one"),
    ],
)
def test_impossible_blocks_are_refused(blocks: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(ValueError, match=rf"`blocks`.*{message}"):
        TinyViT().places(blocks)


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


@pytest.mark.parametrize("stop", [Place(1, 1), Place(2, 2), Place(3, 0)])
def test_the_walk_calls_every_place_in_turn(stop: Place) -> None:
    backbone = awake(TinySwinV2())
    image = torch.rand(1, 3, 96, 160)
    seen: list[Place] = []

    def visit(place: Place, layer: nn.Module, tokens: Tensor) -> Tensor:
        seen.append(place)
        return layer(tokens) * (0.5 if place == stop else 1.0)

    found = backbone(image, visit)

    assert seen == [Place(stage, block) for stage in range(1, 5) for block in range(3)]
    for number, (level, whole) in enumerate(zip(found, backbone(image), strict=True), start=1):
        assert torch.equal(level, whole) == (number < stop.stage)


def test_a_stage_s_tokens_become_its_map_before_the_next_stage_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Three gradients meet there in VTAGML, and their sum is rounded in the order of the graph.
    backbone = TinyViT()
    seen: list[int] = []
    level = backbone.level
    monkeypatch.setattr(
        backbone, "level", lambda stage, *given: seen.append(stage + 1) or level(stage, *given)
    )

    def visit(place: Place, layer: nn.Module, tokens: Tensor) -> Tensor:
        seen.append(place.stage)
        return layer(tokens)

    backbone(torch.rand(1, 3, 64, 96), visit)

    assert seen == [stage for stage in range(1, 5) for _ in range(4)]


def test_what_stands_behind_a_block_reads_its_output() -> None:
    backbone = awake(TinySwinV2())
    image = torch.rand(1, 3, 96, 160)
    expected = [2 * level for level in backbone(image)[3:]]
    backbone.behind["stage4_block2"] = Twice()

    torch.testing.assert_close(backbone(image)[3:], expected)


class Twice(nn.Module):
    def forward(self, tokens: Tensor) -> Tensor:
        return 2 * tokens


def test_what_is_frozen_in_front_keeps_no_activation() -> None:
    backbone = awake(TinySwinV2()).freeze()
    backbone.block(Place(3, 1)).requires_grad_(True)

    pyramid = backbone(torch.rand(1, 3, 64, 64))

    assert [level.grad_fn is None for level in pyramid] == [True, True, False, False]
