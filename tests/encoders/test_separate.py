import pytest
import torch
from torch import nn

from tests.fakes.backbones import FAMILIES, TinySwinV2, awake
from vtagml.backbone import StagedBackbone
from vtagml.encoders import Separate, Shared
from vtagml.experts import RandomGroups
from vtagml.tuning import (
    BitFit,
    BottleneckAdapter,
    Frozen,
    Full,
    IndependentMoEfiedLoRA,
    LoRA,
    LowRankAdapter,
    Tuning,
)

TASKS = ("depth", "normals")


@pytest.mark.parametrize("tuning", [Full(), BitFit(), LoRA(2), BottleneckAdapter()])
def test_tasks_start_alike_and_share_nothing_that_trains(tuning: Tuning) -> None:
    network = Separate(TASKS, awake(TinySwinV2()), tuning).train()

    pyramids = network(torch.rand(1, 3, 64, 96), torch.eye(2))
    assert torch.equal(pyramids["depth"][3], pyramids["normals"][3])
    sum(level.square().mean() for level in pyramids["depth"]).backward()

    depth, normals = (network.backbones[task] for task in TASKS)
    pairs = list(zip(depth.parameters(), normals.parameters(), strict=True))
    for one, other in pairs:
        assert (one.grad is not None) == one.requires_grad
        assert other is one or other.grad is None or not other.grad.any()
        assert (one is other) != one.requires_grad
    # What is frozen is stored once, masks and tables of positions too.
    for one, other in zip(depth.buffers(), normals.buffers(), strict=True):
        assert one is other


def test_a_tuned_task_is_the_shared_network_of_its_own_numbers() -> None:
    torch.manual_seed(0)
    network = Separate(TASKS, awake(TinySwinV2()), LoRA(2))
    torch.manual_seed(0)
    alone = Shared(["normals"], awake(TinySwinV2()), LoRA(2))
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)
    alone.backbone.load_state_dict(network.backbones["normals"].state_dict())
    image = torch.rand(1, 3, 64, 96)

    found = network(image, torch.eye(2))["normals"]

    for level, expected in zip(found, alone(image, torch.eye(1))["normals"], strict=True):
        torch.testing.assert_close(level, expected)
    assert not torch.equal(found[3], network(image, torch.eye(2))["depth"][3])


def test_merged_every_task_has_a_backbone_of_its_own() -> None:
    network = Separate(TASKS, awake(TinySwinV2()), LoRA(2)).double()
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)
    image = torch.rand(1, 3, 64, 96, dtype=torch.float64)
    expected = network(image, torch.eye(2))

    network.merge()

    found = network(image, torch.eye(2))
    for task in TASKS:
        for level, whole in zip(found[task], expected[task], strict=True):
            torch.testing.assert_close(level, whole, rtol=1e-10, atol=1e-10)
        keys = set(network.backbones[task].state_dict())
        assert keys == set(TinySwinV2().state_dict())


@pytest.mark.parametrize(
    "tuning",
    [
        BitFit(),
        LoRA(2),
        BottleneckAdapter(),
        LowRankAdapter(rank=2),
        IndependentMoEfiedLoRA(4, 2, RandomGroups()),
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_one_batch_is_a_pass_for_each_task(family: type[StagedBackbone], tuning: Tuning) -> None:
    torch.manual_seed(0)
    network = Separate(TASKS, awake(family((64, 96))), tuning).double().train()
    trained = [each for each in network.parameters() if each.requires_grad]
    for parameter in trained:
        nn.init.normal_(parameter, std=0.3)
    image = torch.rand(2, 3, 64, 96, dtype=torch.float64)

    pyramids = [network(image, torch.eye(2)), {t: network.backbones[t](image) for t in TASKS}]
    found, expected = (
        torch.autograd.grad(
            sum(level.square().mean() for task in TASKS for level in pyramid[task]), trained
        )
        for pyramid in pyramids
    )

    for task in TASKS:
        for one, other in zip(*(pyramid[task] for pyramid in pyramids), strict=True):
            torch.testing.assert_close(one, other)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_what_is_frozen_in_front_runs_once_and_blocks_once_for_all() -> None:
    network = Separate(TASKS, awake(TinySwinV2((64, 96))), BottleneckAdapter([(3, 1)]))
    sizes = []
    blocks = network.backbones["depth"].stages
    for block in (blocks[2].blocks[0], blocks[3].blocks[0]):
        block.register_forward_hook(lambda *given: sizes.append(given[1][0].numel()))

    network(torch.rand(1, 3, 64, 96), torch.eye(2))

    # What a hook sees hides the axis that is folded in, so a call for each task would be two more.
    assert len(sizes) == 2


def test_checkpointed_there_is_a_pass_for_each_task() -> None:
    network = Separate(TASKS, awake(TinySwinV2((64, 96))), LoRA(2), checkpointing=True).train()

    pyramids = network(torch.rand(1, 3, 64, 96), torch.eye(2))
    sum(level.square().mean() for task in TASKS for level in pyramids[task]).backward()

    assert all(each.grad is not None for each in network.parameters() if each.requires_grad)


def test_a_task_alone_has_its_backbone_alone() -> None:
    network = Separate(["depth"], awake(TinySwinV2((64, 96))), LoRA(2))
    image = torch.rand(1, 3, 64, 96)

    found = network(image, torch.eye(1))["depth"]

    for level, expected in zip(found, network.backbones["depth"](image), strict=True):
        assert torch.equal(level, expected)


def test_tasks_without_anything_of_their_own_are_the_backbone() -> None:
    network = Separate(TASKS, awake(TinySwinV2((64, 96))), Frozen())
    image = torch.rand(1, 3, 64, 96)

    found = network(image, torch.eye(2))

    assert torch.equal(found["depth"][3], network.backbones["normals"](image)[3])
