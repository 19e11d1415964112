"""Progressive adapters: between one stream of all tasks and one of each."""

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, FIRST_OF_FAMILIES, TinySwin, TinySwinV2, TinyViT, awake
from vtagml.affinity import forks
from vtagml.backbone import StagedBackbone, Swin
from vtagml.encoders import (
    VTAGML,
    Grouping,
    NamedGroups,
    OneThenAll,
    Progressive,
    Separate,
    Shared,
)
from vtagml.of_tasks import keys_of, modules_of
from vtagml.tuning import (
    BitFit,
    BottleneckAdapter,
    Frozen,
    Full,
    LoRA,
    LowRankAdapter,
    RelativeBias,
    Tuning,
)

TASKS = ("segmentation", "depth", "normals", "edges")
ONE = [list(TASKS)]
TWO = [["segmentation", "edges"], ["depth", "normals"]]
THREE = [["segmentation"], ["edges"], ["depth", "normals"]]
ALONE = [[task] for task in TASKS]
TREE = NamedGroups([ONE, TWO, THREE, ALONE])
TUNINGS = [BitFit(), LoRA(2), BottleneckAdapter(), LowRankAdapter(rank=2), Full()]


def encoder(
    tuning: Tuning,
    grouping: Grouping = TREE,
    family: type[StagedBackbone] = TinySwinV2,
    **settings: bool,
) -> Progressive:
    torch.manual_seed(0)
    return Progressive(TASKS, awake(family((64, 96))), tuning, grouping, **settings).double()


def plain(kind: type, tuning: Tuning, family: type[StagedBackbone] = TinySwinV2) -> nn.Module:
    torch.manual_seed(0)
    return kind(TASKS, awake(family((64, 96))), tuning).double()


def moved(network: nn.Module) -> nn.Module:
    torch.manual_seed(2)
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.2)
    return network


def image() -> Tensor:
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def run(network: nn.Module) -> dict[str, list[Tensor]]:
    return network(image(), torch.eye(4))


def loss(pyramids: dict[str, list[Tensor]]) -> Tensor:
    levels = [(row, level) for row, task in enumerate(TASKS) for level in pyramids[task]]
    return torch.stack([(level + row).square().mean() for row, level in levels]).sum()


def assert_same(found: dict[str, list[Tensor]], expected: dict[str, list[Tensor]]) -> None:
    assert tuple(found) == tuple(expected) == TASKS
    for task in TASKS:
        for one, other in zip(found[task], expected[task], strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def trained(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters() if each.requires_grad)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tuning", TUNINGS)
def test_it_starts_as_the_backbone(tuning: Tuning, family: type[StagedBackbone]) -> None:
    found = run(encoder(tuning, family=family).eval())

    assert_same(found, run(plain(Shared, Frozen(), family).eval()))


@pytest.mark.parametrize("family", FIRST_OF_FAMILIES)
@pytest.mark.parametrize("tuning", TUNINGS)
def test_one_group_everywhere_is_shared(tuning: Tuning, family: type[StagedBackbone]) -> None:
    network = encoder(tuning, OneThenAll(4), family)
    shared = moved(plain(Shared, tuning, family))
    assert trained(network) == trained(shared)
    values = dict(shared.backbone.named_parameters())  # type: ignore[union-attr]
    group = network.shared["segmentation+depth+normals+edges"]
    for own in (group, network.backbone):
        for name, parameter in own.named_parameters():
            parameter.data.copy_(values.pop(name))
    assert not values

    assert_same(run(network), run(shared))


@pytest.mark.parametrize("family", FIRST_OF_FAMILIES)
@pytest.mark.parametrize("tuning", [LoRA(2), BottleneckAdapter(), LowRankAdapter(rank=2)])
def test_a_group_per_task_everywhere_is_separate(
    tuning: Tuning, family: type[StagedBackbone]
) -> None:
    network = encoder(tuning, OneThenAll(0), family)
    separate = moved(plain(Separate, tuning, family))
    assert trained(network) == trained(separate)
    for task in TASKS:
        for name, parameter in network.own[task].named_parameters():
            parameter.data.copy_(separate.backbones[task].get_parameter(name))  # type: ignore[index, union-attr]

    assert_same(run(network), run(separate))


@pytest.mark.parametrize("family", FIRST_OF_FAMILIES)
@pytest.mark.parametrize("tuning", TUNINGS)
def test_a_task_sees_the_adapters_of_its_groups(
    tuning: Tuning, family: type[StagedBackbone]
) -> None:
    network = moved(encoder(tuning, family=family))
    assert isinstance(network, Progressive)

    expected = {task: network.backbone_of(task)(image()) for task in TASKS}

    found = run(network)
    assert_same(found, expected)
    for stage, groups in enumerate([ONE, TWO, THREE, ALONE]):
        for one in TASKS:
            for other in TASKS:
                together = any({one, other} <= set(group) for group in groups)
                same = torch.allclose(found[one][stage], found[other][stage])
                assert same == together, (stage, one, other)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("tuning", TUNINGS)
def test_only_what_is_tuned_trains_and_gradients_are_those_of_single_passes(
    tuning: Tuning, checkpointing: bool
) -> None:
    network = moved(encoder(tuning, checkpointing=checkpointing)).train()
    assert isinstance(network, Progressive)
    own = [each for each in network.parameters() if each.requires_grad]
    if not isinstance(tuning, Full):
        outside = [n for n, each in network.backbone.named_parameters() if each.requires_grad]
        assert all(name.startswith("model.patch_embed") for name in outside)
        assert bool(outside) == isinstance(tuning, BitFit)

    found = torch.autograd.grad(loss(run(network)), own)

    alone = {task: network.backbone_of(task).train()(image()) for task in TASKS}
    for one, other in zip(found, torch.autograd.grad(loss(alone), own), strict=True):
        torch.testing.assert_close(one, other)
        assert one.any()


def test_what_is_frozen_stays() -> None:
    network = encoder(BottleneckAdapter()).train()
    before = {name: each.detach().clone() for name, each in network.named_parameters()}
    optimizer = torch.optim.Adam([each for each in network.parameters() if each.requires_grad])

    for _ in range(3):
        optimizer.zero_grad()
        loss(run(network)).backward()
        optimizer.step()

    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, before[name]) == name.startswith("backbone."), name
    assert not network.backbone.training


@pytest.mark.parametrize("family", FIRST_OF_FAMILIES)
@pytest.mark.parametrize("tuning", [pytest.param(BitFit(), marks=pytest.mark.slow), LoRA(2)])
def test_folded_it_says_the_same_in_layers_of_timm(
    tuning: Tuning, family: type[StagedBackbone]
) -> None:
    network = moved(encoder(tuning, family=family)).eval()
    assert isinstance(network, Progressive)
    expected = run(network)

    network.fold()

    assert_same(run(network), expected)
    names = {name for name, _ in network.named_parameters() if "down" in name.split(".")}
    assert not names
    for task in TASKS:
        keys = set(network.backbone_of(task).state_dict())
        assert keys == set(family((64, 96)).state_dict())


def test_what_does_not_merge_stays_as_it_is() -> None:
    network = encoder(BottleneckAdapter())
    before = set(network.state_dict())

    network.fold()

    assert set(network.state_dict()) == before


def test_groups_have_names_made_of_their_tasks_and_a_task_alone_its_own() -> None:
    network = encoder(BottleneckAdapter())

    assert list(network.shared) == [
        *("segmentation+depth+normals+edges", "segmentation+edges", "depth+normals")
    ]
    stages = {
        name: {key.split(".")[1].split("_")[0] for key in module.state_dict()}
        for name, module in [*network.shared.items(), *network.own.items()]
    }
    assert stages == {
        "segmentation+depth+normals+edges": {"stage1"},
        "segmentation+edges": {"stage2"},
        "depth+normals": {"stage2", "stage3"},
        "segmentation": {"stage3", "stage4"},
        "edges": {"stage3", "stage4"},
        "depth": {"stage4"},
        "normals": {"stage4"},
    }
    assert list(modules_of(network, "depth")) == [network.own["depth"]]
    keys = keys_of(network, "depth")
    assert keys < network.state_dict().keys()
    assert len(keys) == 2 * 6  # two blocks, each with a norm and two linear layers


@pytest.mark.parametrize("tuning", [LoRA(2), BottleneckAdapter(), RelativeBias()])
def test_counts_lie_between_one_stream_and_one_of_each(tuning: Tuning) -> None:
    one, each, between = (
        trained(network)
        for network in (
            plain(Shared, tuning),
            plain(Separate, tuning),
            encoder(tuning, OneThenAll()),
        )
    )

    assert each == 4 * one
    assert one < between < each


def test_count_on_swin_t() -> None:
    with torch.device("meta"):  # shapes alone
        network = Progressive(TASKS, Swin(weights=None), grouping=TREE)

    # Of a bottleneck of d/3 with its norm: 2d²/3 + d/3 + d + 2d; in 2, 2, 6 and 2 blocks.
    own = [2 * d * d // 3 + d // 3 + 3 * d for d in (96, 192, 384, 768)]
    expected = 1 * 2 * own[0] + 2 * 2 * own[1] + 3 * 6 * own[2] + 4 * 2 * own[3]
    assert trained(network) == expected == 5_072_512


def test_what_is_shared_runs_once_and_every_block_once_for_all() -> None:
    network = moved(encoder(BottleneckAdapter([(2, 2), (4, 2)]), OneThenAll(1))).eval()
    assert isinstance(network, Progressive)
    calls: list[tuple[str, int]] = []
    for place in network.backbone.places():
        network.backbone.block(place).register_forward_hook(
            lambda module, inputs, output, place=place: calls.append((str(place), len(output)))
        )

    run(network)

    # Where rows are folded in, a hook sees the batch of one: eight is four groups of two images.
    assert [count for _, count in calls] == [2, 2, 2, 2, 8, 8, 8, 2]


def test_streams_part_only_where_a_group_has_something_of_its_own() -> None:
    network = moved(encoder(BottleneckAdapter([(2, 2)])))
    assert isinstance(network, Progressive)

    found = run(network)

    assert_same(found, {task: network.backbone_of(task)(image()) for task in TASKS})
    for one, other in (("segmentation", "edges"), ("depth", "normals")):
        assert torch.equal(found[one][3], found[other][3])


def test_a_state_is_loaded_as_it_was_saved() -> None:
    network, other = moved(encoder(LoRA(2))), encoder(LoRA(2))

    other.load_state_dict(network.state_dict())

    assert_same(run(other), run(network))


@pytest.mark.parametrize("family", [TinySwin, TinyViT])
def test_one_task_is_alone(family: type[StagedBackbone]) -> None:
    network = Progressive(["depth"], awake(family((64, 96))))

    pyramids = network(torch.rand(1, 3, 64, 96), torch.eye(1))

    assert list(pyramids) == ["depth"]
    assert not len(network.shared)


def test_no_gradient_of_a_task_s_own_is_claimed() -> None:

    assert not forks(encoder(LoRA(2)))
    assert forks(VTAGML(TASKS, TinySwinV2()))
