import torch

from tests.fakes.backbones import TinySwinV2, awake
from vtagml.encoders import Frozen

# As many tasks as levels: mixing up the two axes must not go unnoticed.
TASKS = ("segmentation", "depth", "normals", "edges")


def test_every_task_gets_the_backbone_s_pyramid() -> None:
    network = Frozen(TASKS, awake(TinySwinV2()))
    image = torch.rand(1, 3, 64, 96)

    pyramids = network(image, torch.eye(4))

    assert tuple(pyramids) == TASKS
    for pyramid in pyramids.values():
        for level, expected in zip(pyramid, network.backbone(image), strict=True):
            assert torch.equal(level, expected)


def test_nothing_trains() -> None:
    network = Frozen(TASKS, TinySwinV2(drop_path=0.9)).train()

    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.backbone.training


def test_the_affinity_still_sees_gradients() -> None:
    network = Frozen(TASKS, awake(TinySwinV2())).train()

    pyramids = network(torch.rand(2, 3, 64, 96), torch.eye(4))
    sum(level.square().mean() for each in pyramids.values() for level in each).backward()

    gram = network.fork.take()
    assert gram is not None
    assert gram.dots.shape == (4, 4)
