import torch

from tests.fakes.backbones import TinySwinV2, awake
from vtagml.encoders import SingleTask


def test_tasks_start_from_the_same_weights_and_share_none() -> None:
    network = SingleTask(("depth", "normals"), awake(TinySwinV2())).train()

    pyramids = network(torch.rand(1, 3, 64, 96), torch.eye(2))
    assert torch.equal(pyramids["depth"][3], pyramids["normals"][3])
    sum(level.square().mean() for level in pyramids["depth"]).backward()

    assert all(each.grad is not None for each in network.backbones["depth"].parameters())
    assert all(each.grad is None for each in network.backbones["normals"].parameters())
