"""What all tunings have in common: where they start, what of them trains, what they merge to."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, TinySwin, TinySwinV2, TinyViT, awake
from vtagml.backbone import Backbone, FocalNet, Place, StagedBackbone
from vtagml.experts import RandomGroups, routers
from vtagml.tuning import (
    BitFit,
    BottleneckAdapter,
    Frozen,
    Full,
    HoulsbyAdapter,
    LoRA,
    LoRAEverywhere,
    LowRankAdapter,
    MoEfiedLoRA,
    RelativeBias,
    SingularValues,
    Tuning,
)

EXPERTS = MoEfiedLoRA(4, 2, RandomGroups())
MERGING: list[Tuning] = [LoRA(2), LoRAEverywhere(2), SingularValues(8), EXPERTS]
ADDED = [*MERGING, BottleneckAdapter(), HoulsbyAdapter(), LowRankAdapter(rank=2)]
OWN: list[Tuning] = [Frozen(), Full(), BitFit(), RelativeBias()]
TUNINGS = [*OWN, *ADDED]
SIZE = (64, 96)


def name(value: object) -> str:
    return value.__name__ if isinstance(value, type) else type(value).__name__


def tuned(tuning: Tuning, family: type[StagedBackbone] = TinySwinV2) -> StagedBackbone:
    torch.manual_seed(0)
    backbone = awake(family(SIZE))
    tuning.tune(backbone)
    for router in routers(backbone):  # before, it neither starts as the backbone nor merges
        router.fade(0.0)
    return backbone


def moved(backbone: StagedBackbone) -> StagedBackbone:
    for parameter in backbone.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)
    return backbone


def image() -> Tensor:
    return torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("family", FAMILIES, ids=name)
@pytest.mark.parametrize("tuning", ADDED, ids=name)
def test_it_starts_as_the_backbone(tuning: Tuning, family: type[StagedBackbone]) -> None:
    torch.manual_seed(0)
    expected = awake(family(SIZE)).double().eval()(image())

    found = tuned(tuning, family).double()(image())

    for level, whole in zip(found, expected, strict=True):
        torch.testing.assert_close(level, whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES, ids=name)
@pytest.mark.parametrize("tuning", [BitFit(), *ADDED], ids=name)
def test_what_trains_has_a_gradient_and_matters(
    tuning: Tuning, family: type[StagedBackbone]
) -> None:
    backbone = moved(tuned(tuning, family)).double().train()
    sum(level.square().mean() for level in backbone(image())).backward()  # type: ignore[union-attr]

    assert not backbone.training  # a frozen backbone stays in eval mode
    trained = [each for each in backbone.parameters() if each.requires_grad]
    assert trained
    for parameter in backbone.parameters():
        assert (parameter.grad is not None) == parameter.requires_grad
    # But for biases that a softmax or a norm takes away.
    assert sum(bool(each.grad.any()) for each in trained if each.grad is not None) > 0.8 * len(
        trained
    )


@pytest.mark.parametrize("family", FAMILIES, ids=name)
def test_bitfit_leaves_every_matrix(family: type[StagedBackbone]) -> None:
    backbone = tuned(BitFit(), family)

    for key, parameter in backbone.model.named_parameters():
        # Swin V2 makes its biases by position with a small network.
        added = key.endswith(("bias", "bias_table")) or "cpb_mlp" in key
        assert parameter.requires_grad == added, key


@pytest.mark.parametrize(("family", "part"), [(TinySwin, "bias_table"), (TinySwinV2, "cpb_mlp")])
def test_relative_bias_trains_what_makes_it(family: type[StagedBackbone], part: str) -> None:
    backbone = tuned(RelativeBias(), family)

    for key, parameter in backbone.model.named_parameters():
        assert parameter.requires_grad == (part in key), key
    assert not backbone.train().training  # the rest stays frozen: no stochastic depth


def test_a_backbone_without_relative_bias_is_refused() -> None:
    with pytest.raises(ValueError, match=r"relative position, .* found TinyViT"):
        tuned(RelativeBias(), TinyViT)


@pytest.mark.parametrize("tuning", ADDED, ids=name)
def test_closed_backbones_are_refused_with_the_reason(tuning: Tuning) -> None:
    # The class alone decides; a full network would take a second to build.
    backbone: Backbone = FocalNet.__new__(FocalNet)
    nn.Module.__init__(backbone)

    with pytest.raises(ValueError, match=r"found FocalNet: it modulates"):
        tuning.tune(backbone)


@pytest.mark.parametrize("family", FAMILIES, ids=name)
@pytest.mark.parametrize(
    "tuning", [Frozen(), Full(), BitFit(), LoRA(2, alpha=3.0), *MERGING[1:]], ids=name
)
def test_merged_it_has_timm_s_keys_and_the_same_output(
    tuning: Tuning, family: type[StagedBackbone]
) -> None:
    keys = set(family(SIZE).state_dict())
    backbone = moved(tuned(tuning, family)).double().eval()
    expected = backbone(image())

    tuning.merge(backbone)

    assert set(backbone.state_dict()) == keys
    for level, whole in zip(backbone(image()), expected, strict=True):
        torch.testing.assert_close(level, whole, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("tuning", MERGING, ids=name)
def test_a_block_alone_merges_and_leaves_the_others(tuning: Tuning) -> None:
    backbone = moved(tuned(tuning)).double()
    first, second = backbone.stages[2].blocks
    tokens = torch.randn(1, 8, 8, 64, dtype=torch.float64)
    expected, keys = first(tokens), set(second.state_dict())

    tuning.merge(first)

    torch.testing.assert_close(first(tokens), expected, rtol=1e-10, atol=1e-10)
    assert set(first.state_dict()) == set(TinySwinV2(SIZE).stages[2].blocks[0].state_dict())
    assert set(second.state_dict()) == keys


@pytest.mark.parametrize("tuning", ADDED, ids=name)
def test_it_stands_only_where_the_backbone_may_be_tuned(tuning: Tuning) -> None:
    torch.manual_seed(0)
    backbone = awake(TinySwinV2(SIZE))
    backbone.tunable = [Place(3, 2)]

    tuning.tune(backbone)

    block = {id(each) for each in backbone.standing_at(Place(3, 2)).parameters()}
    trained = [each for each in backbone.parameters() if each.requires_grad]
    assert trained
    assert all(id(each) in block for each in trained)


@pytest.mark.parametrize("tuning", [BottleneckAdapter(), HoulsbyAdapter(), LowRankAdapter(rank=2)])
def test_what_cannot_be_merged_says_so(tuning: Tuning) -> None:
    with pytest.raises(ValueError, match="non-linearity cannot be merged"):
        tuning.merge(tuned(tuning))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LoRA(0), "`rank` must lie between 1 and the 16 channels"),
        (lambda: LoRA(17), "found 17"),
        (lambda: LoRA(0, alpha=4.0), "`rank` must lie between 1 and the 16 channels"),
        (lambda: SingularValues(0), "`pieces` must be at least 1, found 0"),
        (lambda: LowRankAdapter(rank=5), "`rank` must lie between 1 and the 4 channels"),
        (lambda: BottleneckAdapter([(5, 1)]), "`blocks` must have stages between 1 and 4"),
        (lambda: HoulsbyAdapter([]), "`blocks` must name at least one"),
        (lambda: HoulsbyAdapter(reduction=0), "`reduction` must lie between 1 and"),
        (lambda: LowRankAdapter(reduction=0), "`reduction` must lie between 1 and"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Callable[[], Tuning], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tuned(make())


def test_houlsby_adapters_read_the_branch_before_it_is_added() -> None:
    backbone = moved(tuned(HoulsbyAdapter([(4, 2)]), TinyViT)).double()
    block = backbone.stages[3].blocks[1]
    attended, tokens = block.attn, torch.randn(1, 25, 32, dtype=torch.float64)  # type: ignore[union-attr]
    adapter = attended.proj.adapter  # type: ignore[union-attr]

    with_adapter = attended(tokens)  # type: ignore[operator]
    attended.proj = attended.proj.layer  # type: ignore[union-attr]
    branch = attended(tokens)  # type: ignore[operator]

    torch.testing.assert_close(with_adapter, branch + adapter(branch))  # type: ignore[operator]
