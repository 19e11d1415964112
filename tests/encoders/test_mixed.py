"""ω in the features: the same network at ω = I, averages of streams elsewhere."""

import pytest
import torch
from torch import Tensor, nn

from tests.encoders.test_side_vtagml import BLOCKS, SIZE, TASKS, omega
from tests.fakes.backbones import TinySwinV2, awake
from vtagml.encoders import VTAGML, MixedSideVTAGML, MixedVTAGML, SideVTAGML
from vtagml.encoders.conditioned import Conditioned

WIRINGS = [(MixedVTAGML, VTAGML), (MixedSideVTAGML, SideVTAGML)]
ALONE = torch.eye(len(TASKS))


def encoder(kind: type[Conditioned]) -> Conditioned:
    torch.manual_seed(0)
    network = kind(TASKS, awake(TinySwinV2()), blocks=BLOCKS, embedding=8)  # type: ignore[call-arg]
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)
    return network.double().train()


def image() -> Tensor:
    return torch.rand(2, 3, *SIZE, dtype=torch.float64)


def close(found: list[Tensor], expected: list[Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("kind", "embedded"), WIRINGS)
def test_of_tasks_alone_it_is_the_network_with_embeddings(
    kind: type[Conditioned], embedded: type[Conditioned]
) -> None:
    pixels, expected = image(), encoder(embedded)
    found = encoder(kind)
    assert found.load_state_dict(expected.state_dict())
    one, other = found(pixels, ALONE), expected(pixels, ALONE)
    assert tuple(one) == TASKS
    for task in TASKS:
        close(one[task], other[task])
    mixed, averaged = found(pixels, omega()), expected(pixels, omega())
    assert (mixed["depth"][-1] - averaged["depth"][-1]).abs().max() > 1e-3


@pytest.mark.parametrize("kind", [kind for kind, _ in WIRINGS])
def test_a_row_averages_what_the_tasks_see(kind: type[Conditioned]) -> None:
    pixels, network = image(), encoder(kind)
    own = network(pixels, ALONE)
    rows = torch.tensor([[0.5, 0.3, 0.2], [0.0, 0.9, 0.1]], dtype=torch.float64)
    found = network.encode(pixels, rows, ["new", "newer"])
    assert tuple(found) == ("new", "newer")
    for row, name in zip(rows, found, strict=True):
        levels = zip(*own.values(), strict=True)
        close(found[name], [torch.tensordot(row, torch.stack(level), 1) for level in levels])


@pytest.mark.parametrize("kind", [kind for kind, _ in WIRINGS])
def test_a_loss_reaches_the_embeddings_of_the_tasks_that_lend(kind: type[Conditioned]) -> None:
    network = encoder(kind)
    rows = torch.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.2, 0.3, 0.5]])
    pyramid = network(image(), rows)["segmentation"]
    torch.stack([level.square().sum() for level in pyramid]).sum().backward()
    gradient = network.embedding.rows.grad
    assert gradient is not None
    assert gradient.any(dim=1).tolist() == [True, True, False]


def test_what_no_task_changed_is_mixed_by_nobody() -> None:
    """Frozen levels in front of the first adapter stay one map, bit for bit."""
    network = MixedVTAGML(TASKS, awake(TinySwinV2()), embedding=8)
    pyramids = network(image().float(), omega())
    assert pyramids["depth"][0] is pyramids["normals"][0]
    assert pyramids["depth"][-1] is not pyramids["normals"][-1]
    assert not network.apart
