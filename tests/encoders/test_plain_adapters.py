import pytest
import torch
from torch import nn

from tests.fakes.backbones import FAMILIES, TinySwinV2, awake
from vtagml.backbone import StagedBackbone
from vtagml.encoders import PlainAdapters

TASKS = ("segmentation", "depth", "normals")


@pytest.mark.parametrize("blocks", [None, [(2, 1)]])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_starts_as_the_frozen_backbone(
    family: type[StagedBackbone], blocks: list[tuple[int, int]] | None
) -> None:
    network = PlainAdapters(TASKS, awake(family()), blocks).double()
    image = torch.rand(2, 3, 96, 160, dtype=torch.float64)

    pyramids = network(image, torch.eye(3))

    assert tuple(pyramids) == TASKS
    for pyramid in pyramids.values():
        for level, expected in zip(pyramid, network.backbone(image), strict=True):
            torch.testing.assert_close(level, expected, rtol=0, atol=1e-12)


def test_the_adapters_change_what_all_tasks_get() -> None:
    network = PlainAdapters(TASKS, awake(TinySwinV2()))
    image = torch.rand(2, 3, 96, 160)
    for parameter in network.adapters.parameters():
        nn.init.normal_(parameter, std=0.3)

    pyramids = network(image, torch.eye(3))

    frozen = network.backbone(image)
    assert not torch.allclose(pyramids["depth"][2], frozen[2], atol=1e-2)
    assert torch.equal(pyramids["depth"][1], frozen[1])
    assert torch.equal(pyramids["depth"][3], pyramids["normals"][3])


def test_adapters_train_and_the_backbone_does_not() -> None:
    network = PlainAdapters(TASKS, awake(TinySwinV2())).train()
    for parameter in network.adapters.parameters():
        nn.init.normal_(parameter, std=0.3)

    pyramids = network(torch.rand(2, 3, 96, 160), torch.eye(3))
    sum(level.square().mean() for each in pyramids.values() for level in each).backward()

    trained = {name for name, each in network.named_parameters() if each.grad is not None}
    assert trained == {f"adapters.{name}" for name, _ in network.adapters.named_parameters()}
    assert not network.backbone.training


def test_gradients_are_captured_behind_the_pyramid() -> None:
    network = PlainAdapters(TASKS, awake(TinySwinV2())).double().train()

    pyramids = network(torch.rand(2, 3, 96, 160, dtype=torch.float64), torch.eye(3))
    signs = {"segmentation": 1, "depth": -2, "normals": 3}
    sum(sign * level.sum() for t, sign in signs.items() for level in pyramids[t][2:]).backward()

    gram = network.fork.take()
    assert gram is not None
    # All three pull along the same direction, depth the other way.
    expected = torch.tensor([[1.0, -1, 1], [-1, 1, -1], [1, -1, 1]], dtype=torch.float64)
    torch.testing.assert_close(gram.cosines(), expected)
