"""Activation checkpointing changes what is kept, and no number."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, TinySwinV2, awake
from vtagml.adapters import LiteralVisionAdapter
from vtagml.affinity import Gram
from vtagml.backbone import StagedBackbone
from vtagml.encoders import VTAGML, PlainAdapters
from vtagml.encoders.encoder import Encoder

TASKS = ("segmentation", "depth", "normals")
METHODS: list[type[Encoder]] = [VTAGML, PlainAdapters]
# A block without adapter stands between the first two, and one behind the last.
BLOCKS = [(3, 1), (4, 1)]


def encoder(
    method: type[Encoder], checkpointing: bool, family: type[StagedBackbone], **settings: object
) -> Encoder:
    torch.manual_seed(0)
    network = method(
        TASKS,
        awake(family((64, 96))),
        blocks=BLOCKS,  # type: ignore[call-arg]
        checkpointing=checkpointing,
        **settings,  # type: ignore[arg-type]
    )
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)
    return network.train()


def loss_of(network: Encoder) -> Tensor:
    torch.manual_seed(1)
    omega = torch.randn(3, 3).softmax(1)
    pyramids = network(torch.rand(2, 3, 64, 96), omega)
    levels = [level for pyramid in pyramids.values() for level in pyramid]
    return torch.stack([(level * torch.randn_like(level)).sum() for level in levels]).sum()


def backward(network: Encoder) -> tuple[Tensor, dict[str, Tensor], Gram]:
    loss = loss_of(network)
    loss.backward()
    gram = network.fork.take()
    assert gram is not None
    gradients = {n: each.grad for n, each in network.named_parameters() if each.grad is not None}
    return loss.detach(), gradients, gram


def assert_same(plain: Encoder, checkpointed: Encoder) -> None:
    loss, gradients, gram = backward(plain)
    found_loss, found_gradients, found_gram = backward(checkpointed)
    assert torch.equal(found_loss, loss)
    assert found_gradients.keys() == gradients.keys() != set()
    for name, gradient in gradients.items():
        assert torch.equal(found_gradients[name], gradient), name
    assert torch.equal(found_gram.dots, gram.dots)
    assert torch.equal(found_gram.norms, gram.norms)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", METHODS)
def test_every_number_is_the_same(method: type[Encoder], family: type[StagedBackbone]) -> None:
    assert_same(encoder(method, False, family), encoder(method, True, family))


@pytest.mark.parametrize("method", METHODS)
def test_every_number_is_the_same_in_bfloat16(method: type[Encoder]) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert_same(encoder(method, False, TinySwinV2), encoder(method, True, TinySwinV2))


def test_every_number_is_the_same_with_the_adapters_of_the_figure() -> None:
    settings = {"family": TinySwinV2, "adapter": LiteralVisionAdapter}
    assert_same(encoder(VTAGML, False, **settings), encoder(VTAGML, True, **settings))  # type: ignore[arg-type]


@contextmanager
def kept() -> Iterator[dict[int, int]]:
    """Bytes of each memory that is kept for the backward, by its address."""
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield sizes


@pytest.mark.parametrize("method", METHODS)
def test_the_activations_of_the_blocks_are_not_kept(method: type[Encoder]) -> None:
    sizes = []
    for checkpointing in (False, True):
        with kept() as found:
            loss = loss_of(encoder(method, checkpointing, TinySwinV2))
        assert loss.requires_grad
        sizes.append(sum(found.values()))
    assert sizes[1] < 0.5 * sizes[0]


@pytest.mark.parametrize("method", METHODS)
def test_blocks_run_once_in_the_forward_and_once_in_the_backward(method: type[Encoder]) -> None:
    network, runs = encoder(method, True, TinySwinV2), []
    network.adapters.stage4_block1.register_forward_pre_hook(lambda *_: runs.append(1))  # type: ignore[operator, union-attr]
    loss = loss_of(network)
    assert len(runs) == 1
    loss.backward()
    assert len(runs) == 2
    with torch.no_grad():
        loss_of(network)
    assert len(runs) == 3
