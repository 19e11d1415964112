"""MoEfied LoRA against its equations and its tables, and what it merges to."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.fakes.backbones import FIRST_OF_FAMILIES, TinySwin, TinySwinV2, TinyViT, awake
from vtagml.backbone import Place, StagedBackbone, ViT
from vtagml.encoders import Encoder, LastBlocks, Separate, Shared
from vtagml.experts import BalancedKMeans, GivenOrder, RandomGroups, RoutedLinear, routers
from vtagml.tuning import (
    BottleneckAdapter,
    Full,
    IndependentMoEfiedLoRA,
    LoRAEverywhere,
    MoEfied,
    MoEfiedLoRA,
    ReleasedMoEfiedLoRA,
    Tuning,
)

TASKS = ("depth", "normals")
SIZE = (64, 96)
WIDTH, LEVELS = 768, 12  # of a ViT-B
KINDS = [MoEfiedLoRA, IndependentMoEfiedLoRA]


def image(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(1), dtype=dtype)


def fade(module: nn.Module, alpha: float, end: float = 0.5) -> None:
    for router in routers(module):
        router.fade(alpha, end)


def moved(module: nn.Module, deviation: float = 0.3) -> nn.Module:
    for parameter in module.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=deviation)
    return module


def tuned(tuning: Tuning, family: type[StagedBackbone] = TinySwinV2) -> StagedBackbone:
    backbone = awake(family(SIZE)).double()
    tuning.tune(backbone)
    return backbone.double().eval()


def trained(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters() if each.requires_grad)


def vit_b(tuning: Tuning) -> ViT:
    """Of which nothing but what is new has memory."""
    with torch.device("meta"):
        backbone = ViT("vit_base_patch16_224", weights=None)
    tuning.tune(backbone)
    return backbone


@pytest.mark.parametrize(
    ("tuning", "classes", "count", "printed"),
    [
        (MoEfiedLoRA(16, 1, GivenOrder()), 598, 754_774, 0.75),
        (MoEfiedLoRA(16, 2, GivenOrder()), 598, 902_230, 0.90),
        (MoEfiedLoRA(16, 4, GivenOrder()), 598, 1_197_142, 1.20),
        (MoEfiedLoRA(16, 1, GivenOrder()), 62, 342_590, 0.34),
        (MoEfiedLoRA(16, 2, GivenOrder()), 62, 490_046, 0.49),
        (MoEfiedLoRA(16, 4, GivenOrder()), 62, 784_958, 0.78),
        (MoEfiedLoRA(4, 4, GivenOrder()), 598, 1_086_550, 1.09),
        (MoEfiedLoRA(64, 4, GivenOrder()), 598, 1_639_510, 1.64),
        (MoEfiedLoRA(192, 4, GivenOrder()), 598, 2_819_158, 2.82),
        (MoEfiedLoRA(1, 4), 598, 1_049_686, 1.05),  # no router
        (LoRAEverywhere(16), 598, 2_819_158, 2.82),
        (LoRAEverywhere(16), 62, 2_406_974, 2.41),
        # The equations as they stand, which no printed number is of.
        (IndependentMoEfiedLoRA(16, 4, GivenOrder()), 598, 2_303_062, 2.30),
    ],
)
def test_trained_parameters_are_those_of_the_tables(
    tuning: Tuning, classes: int, count: int, printed: float
) -> None:
    head = nn.Linear(WIDTH, classes, device="meta")

    found = trained(vit_b(tuning)) + trained(head)

    assert found == count
    assert round(found / 1e6, 2) == printed


def test_a_large_vit_has_the_printed_number() -> None:
    with torch.device("meta"):
        backbone = ViT("vit_large_patch14_dinov2", weights=None, patch_size=16)
    MoEfiedLoRA(16, 4, GivenOrder()).tune(backbone)
    head = nn.Linear(1024, 62, device="meta")
    assert (trained(backbone) + trained(head)) / 1e6 == pytest.approx(2.0296, abs=5e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_sum_of_experts(kind: type[MoEfiedLoRA]) -> None:
    """Eq. (9), expert by expert, of channels as they stood before."""
    experts, alpha, temperature = 4, 0.3, 2.0
    plain = awake(TinyViT(SIZE)).double().block(Place(2, 1)).mlp
    up, down = plain.fc1, plain.fc2  # type: ignore[union-attr]
    backbone = awake(TinyViT(SIZE)).double()
    backbone.block(Place(2, 1)).mlp.load_state_dict(plain.state_dict())  # type: ignore[union-attr]
    kind(experts, 2, RandomGroups(), temperature).tune(backbone)
    moved(backbone.double())
    fade(backbone, alpha)
    mlp = backbone.block(Place(2, 1)).mlp
    routed: RoutedLinear = mlp.fc1  # type: ignore[assignment, union-attr]
    first, second = routed.layer, mlp.fc2  # type: ignore[union-attr]
    tokens = torch.randn(3, 5, 32, dtype=torch.float64)

    logits = tokens @ routed.router.linear.weight.T / temperature
    weights = alpha * experts * F.softmax(logits, -1) + 1 - alpha
    expected = down.bias
    for expert in range(experts):
        places = slice(32 * expert, 32 * (expert + 1))
        own = routed.order[places]
        before = F.linear(tokens, up.weight[own], up.bias[own])
        before = before + tokens @ first.down.weight.T @ first.up.weight[places].T  # type: ignore[union-attr, operator]
        hidden = F.gelu(weights[..., expert : expert + 1] * before)
        change = hidden @ second.down.weight[:, places].T @ second.up.weight.T  # type: ignore[union-attr]
        expected = expected + hidden @ down.weight[:, own].T + change

    torch.testing.assert_close(mlp(tokens), expected, rtol=1e-10, atol=1e-12)  # type: ignore[operator]


def test_independent_experts_share_no_factor() -> None:
    backbone = tuned(IndependentMoEfiedLoRA(4, 2, RandomGroups()), TinyViT)
    mlp = moved(backbone).block(Place(1, 1)).mlp  # type: ignore[operator]
    up, down = mlp.fc1.layer, mlp.fc2
    product = (up.up.weight @ up.down.weight).view(4, 32, 32)
    assert torch.linalg.matrix_rank(product).tolist() == [2] * 4
    assert torch.linalg.matrix_rank(product.flatten(0, 1)) == 8
    assert torch.linalg.matrix_rank(down.up.weight @ down.down.weight) == 8


@pytest.mark.parametrize("family", FIRST_OF_FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
def test_it_starts_as_the_backbone_but_for_what_routers_weigh(
    kind: type[MoEfiedLoRA], family: type[StagedBackbone]
) -> None:
    torch.manual_seed(0)
    expected = awake(family(SIZE)).double().eval()(image())
    torch.manual_seed(0)
    backbone = tuned(kind(4, 2, BalancedKMeans(cache=None)), family)

    drawn = backbone(image())
    for router in routers(backbone):
        nn.init.zeros_(router.linear.weight)

    for level, whole, weighed in zip(backbone(image()), expected, drawn, strict=True):
        torch.testing.assert_close(level, whole, rtol=0, atol=1e-12)
        assert 0 < (weighed - whole).norm() / whole.norm() < 0.1


def test_one_expert_is_lora_everywhere() -> None:
    backbone, other = tuned(MoEfiedLoRA(1, 2)), tuned(LoRAEverywhere(2))
    assert backbone.state_dict().keys() == other.state_dict().keys()
    assert not list(routers(backbone))
    MoEfiedLoRA(1, 2).merge(backbone)


def test_as_released_both_factors_are_drawn() -> None:
    backbone = tuned(ReleasedMoEfiedLoRA(4, 4, GivenOrder()))
    pairs = [backbone.get_submodule("model.layers.3.blocks.0.attn.qkv")]
    pairs += [backbone.get_submodule("model.layers.3.blocks.0.mlp.fc1.layer")]
    for factor in (weight for pair in pairs for weight in (pair.up.weight, pair.down.weight)):
        assert float(factor.detach().std()) == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        *((MoEfiedLoRA, family) for family in (TinyViT, TinySwinV2)),
        pytest.param(MoEfiedLoRA, TinySwin, marks=pytest.mark.slow),
        (IndependentMoEfiedLoRA, TinyViT),
        (ReleasedMoEfiedLoRA, TinyViT),
    ],
)
def test_merged_is_faded_with_each_channel_in_its_place(
    kind: type[MoEfiedLoRA], family: type[StagedBackbone]
) -> None:
    plain = awake(family(SIZE)).double().eval()
    backbone = awake(family(SIZE)).double()
    backbone.load_state_dict(plain.state_dict())
    kind(4, 2, RandomGroups()).tune(backbone)
    moved(backbone.double().eval(), 0.1)
    fade(backbone, 0.0)

    for dtype, close in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        network = copy.deepcopy(backbone).to(dtype)
        expected = network(image(dtype))
        MoEfiedLoRA().merge(network)
        for level, whole in zip(network(image(dtype)), expected, strict=True):
            assert (level - whole).norm() <= close * whole.norm()
    MoEfiedLoRA().merge(backbone)
    assert list(backbone.state_dict()) == list(plain.state_dict())
    # The bias of a hidden channel has no product: it tells which channel stands where.
    for name, parameter in plain.named_parameters():
        if name.endswith("fc1.bias"):
            assert torch.equal(backbone.get_parameter(name), parameter), name


def test_with_all_weights_training_it_merges_as_well() -> None:
    """EMTAL's first step: fine-tuning with experts and routers, and no product."""
    backbone = tuned(MoEfied(Full(), 4, RandomGroups()), TinyViT)
    frozen = [name for name, each in backbone.named_parameters() if not each.requires_grad]
    assert not frozen
    moved(backbone, 0.1)
    fade(backbone, 0.0)
    expected = backbone(image())

    MoEfied().merge(backbone)

    assert backbone.state_dict().keys() == TinyViT(SIZE).state_dict().keys()
    for level, whole in zip(backbone(image()), expected, strict=True):
        torch.testing.assert_close(level, whole, rtol=1e-10, atol=1e-10)


def test_it_merges_if_what_learns_beside_the_routers_does() -> None:
    for tuning, merges in ((Full(), True), (BottleneckAdapter(), False)):
        whole = MoEfied(tuning, 4, GivenOrder())
        backbone = tuned(whole, TinyViT)
        fade(backbone, 0.0)
        assert whole.mergeable(backbone) == merges


def test_merged_without_a_step_it_is_the_backbone_to_the_last_bit() -> None:
    plain = awake(TinyViT(SIZE))
    before = {key: value.clone() for key, value in plain.state_dict().items()}
    MoEfiedLoRA(4, 2, BalancedKMeans(cache=None)).tune(plain)
    assert not torch.equal(
        plain.block(Place(1, 1)).mlp.fc2.layer.weight,  # type: ignore[union-attr]
        before["model.blocks.0.mlp.fc2.weight"],
    )
    fade(plain, 0.0)

    MoEfiedLoRA().merge(plain)

    for key, value in plain.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize(
    ("encoder", "end", "until"),
    [
        (Shared, 0.75, r"it will be from 0\.75 of the run on"),
        (LastBlocks, math.inf, r"train with `vtagml\.callbacks\.RouterFading`"),
    ],
)
def test_merging_waits_for_the_end_of_the_fading(
    encoder: type[Shared | LastBlocks], end: float, until: str
) -> None:
    network = encoder(TASKS, awake(TinyViT(SIZE)), MoEfiedLoRA(4, 2, GivenOrder()))
    fade(network, 0.01, end)
    keys = list(network.state_dict())

    with pytest.raises(ValueError, match=rf"α is exactly 0, found 0\.01: .*{until}"):
        network.merge()

    network.fold()  # for inference it stays as it is
    assert list(network.state_dict()) == keys


@pytest.mark.parametrize(
    "encoder", [pytest.param(Shared, marks=pytest.mark.slow), Separate, LastBlocks]
)
def test_tasks_fade_together_and_merge(encoder: type[Encoder]) -> None:
    kind = MoEfiedLoRA(4, 2, RandomGroups())
    network = encoder(TASKS, awake(TinySwinV2(SIZE)), kind).double().eval()  # type: ignore[call-arg, arg-type]
    moved(network)
    omega = torch.eye(2).double()
    unfaded = network(image(), omega)
    assert not torch.equal(network(image(), omega)["depth"][3], 0 * unfaded["depth"][3])
    fade(network, 0.0)
    expected = network(image(), omega)

    network.fold()

    assert not any(isinstance(each, RoutedLinear) for each in network.modules())
    for task, pyramid in network(image(), omega).items():
        for level, whole, before in zip(pyramid, expected[task], unfaded[task], strict=True):
            torch.testing.assert_close(level, whole, rtol=1e-9, atol=1e-9)
            assert not torch.allclose(before, whole, rtol=1e-3)


def test_routers_of_separate_tasks_are_their_own_and_fade_as_one() -> None:
    network = Separate(TASKS, awake(TinyViT(SIZE)), MoEfiedLoRA(4, 2, GivenOrder()))
    depth, normals = (list(routers(network.backbones[task])) for task in TASKS)
    for one, other in zip(depth, normals, strict=True):
        assert one.linear.weight is not other.linear.weight
        one.fade(0.25)
        assert float(other.alpha) == 0.25


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize("encoder", [Shared, Separate])
def test_an_unfaded_network_is_exported(encoder: type[Encoder]) -> None:
    tuning = MoEfiedLoRA(4, 2, RandomGroups())
    network = moved(encoder(TASKS, awake(TinyViT()), tuning)).eval()  # type: ignore[call-arg, arg-type]
    shapes = ({0: torch.export.Dim("batch")}, None)
    omega = torch.eye(2)
    given = (torch.zeros(2, 3, 64, 96), omega)

    program = torch.export.export(network, given, dynamic_shapes=shapes, strict=False)

    three = torch.rand(3, 3, 64, 96)
    found = program.module()(three, omega)
    for task, pyramid in network(three, omega).items():
        for level, expected in zip(found[task], pyramid, strict=True):
            torch.testing.assert_close(level, expected, rtol=1e-4, atol=1e-4)
