import torch

from tests.fakes.backbones import TinySwinV2, awake
from vtagml.encoders import FullFineTuning


def test_the_whole_backbone_trains_for_all_tasks() -> None:
    network = FullFineTuning(("depth", "normals"), awake(TinySwinV2())).train()

    pyramids = network(torch.rand(1, 3, 64, 96), torch.eye(2))
    assert torch.equal(pyramids["depth"][3], pyramids["normals"][3])
    sum(level.square().mean() for each in pyramids.values() for level in each).backward()

    assert all(parameter.grad is not None for parameter in network.parameters())
    assert network.backbone.training
