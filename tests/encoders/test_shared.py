import pytest
import torch
from torch import nn

from tests.fakes.backbones import FAMILIES, TinySwinV2, awake
from vtagml.backbone import Backbone, PVTv2, StagedBackbone
from vtagml.encoders import Shared
from vtagml.tuning import BottleneckAdapter, Frozen, LoRA

# As many tasks as levels: mixing up the two axes must not go unnoticed.
TASKS = ("segmentation", "depth", "normals", "edges")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_task_gets_the_backbone_s_pyramid(family: type[StagedBackbone]) -> None:
    network = Shared(TASKS, awake(family((64, 96))), Frozen())
    image = torch.rand(1, 3, 64, 96)

    pyramids = network(image, torch.eye(4))

    assert tuple(pyramids) == TASKS
    for pyramid in pyramids.values():
        for level, expected in zip(pyramid, network.backbone(image), strict=True):
            assert torch.equal(level, expected)


def test_the_whole_backbone_trains_for_all_tasks() -> None:
    network = Shared(("depth", "normals"), awake(TinySwinV2())).train()

    pyramids = network(torch.rand(1, 3, 64, 96), torch.eye(2))
    sum(level.square().mean() for each in pyramids.values() for level in each).backward()

    assert all(parameter.grad is not None for parameter in network.parameters())
    assert network.backbone.training


def test_frozen_trains_nothing() -> None:
    network = Shared(TASKS, TinySwinV2(drop_path=0.9), Frozen()).train()

    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.backbone.training


def test_the_affinity_sees_gradients_where_nothing_trains() -> None:
    network = Shared(TASKS, awake(TinySwinV2()), Frozen()).train()

    pyramids = network(torch.rand(2, 3, 64, 96), torch.eye(4))
    # Of the finest level alone: the whole pyramid is captured.
    sum(pyramid[0].square().mean() for pyramid in pyramids.values()).backward()

    gram = network.fork.take()
    assert gram is not None
    assert gram.dots.shape == (4, 4)
    assert (gram.dots.diagonal() > 0).all()


def test_gradients_are_captured_at_the_levels_that_something_moves() -> None:
    network = Shared(TASKS, awake(TinySwinV2()), BottleneckAdapter([(3, 1)])).double().train()

    pyramids = network(torch.rand(2, 3, 96, 160, dtype=torch.float64), torch.eye(4))
    signs = {"segmentation": 1, "depth": -2, "normals": 3, "edges": 0}
    total = sum(sign * level.sum() for t, sign in signs.items() for level in pyramids[t][2:])
    # The frozen levels are the same for all, and their gradients nobody's to follow.
    (total + sum(level.sum() for each in pyramids.values() for level in each[:2])).backward()

    gram = network.fork.take()
    assert gram is not None
    # All three pull along the same direction, depth the other way.
    expected = torch.tensor([[1.0, -1, 1], [-1, 1, -1], [1, -1, 1]], dtype=torch.float64)
    torch.testing.assert_close(gram.cosines()[:3, :3], expected)


def test_adapters_change_what_all_tasks_get() -> None:
    network = Shared(TASKS, awake(TinySwinV2()), BottleneckAdapter([(3, 1)]))
    image = torch.rand(2, 3, 96, 160)
    frozen = network.backbone(image)
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)

    pyramids = network(image, torch.eye(4))

    assert not torch.allclose(pyramids["depth"][2], frozen[2], atol=1e-2)
    assert torch.equal(pyramids["depth"][1], frozen[1])
    assert torch.equal(pyramids["depth"][3], pyramids["normals"][3])


def test_checkpointing_needs_a_backbone_that_shows_its_blocks() -> None:
    backbone: Backbone = PVTv2.__new__(PVTv2)
    nn.Module.__init__(backbone)
    backbone.channels = (8, 8, 8, 8)
    with pytest.raises(ValueError, match=r"found PVTv2: .* run on every backbone, without check"):
        Shared(TASKS, backbone, checkpointing=True)


def test_merging_is_the_tuning_s() -> None:
    network = Shared(TASKS, awake(TinySwinV2()), LoRA(2))
    keys = set(TinySwinV2().state_dict())
    assert set(network.backbone.state_dict()) != keys

    network.merge()

    assert set(network.backbone.state_dict()) == keys
