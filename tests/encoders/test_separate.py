import pytest
import torch
from torch import nn

from tests.fakes.backbones import TinySwinV2, awake
from vtagml.encoders import Separate, Shared
from vtagml.tuning import BitFit, BottleneckAdapter, Full, LoRA, Tuning

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
        assert other.grad is None or other is one
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
        assert torch.equal(level, expected)
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
