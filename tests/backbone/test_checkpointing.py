"""Activation checkpointing changes what is kept, and no number."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, TinySwinV2, TinyViT, awake
from vtagml.adapters import LiteralVisionAdapter
from vtagml.affinity import Fork, Gram, take_gram
from vtagml.backbone import Place, StagedBackbone
from vtagml.backbone.checkpointing import recomputed
from vtagml.encoders import (
    VMT,
    VTAGML,
    Encoder,
    Hyperformer,
    LastBlocks,
    MixedVTAGML,
    Polyhistor,
    PolyhistorLite,
    Progressive,
    Separate,
    Shared,
    SideVTAGML,
    TADFormer,
    TaskPrompter,
)
from vtagml.tuning import BottleneckAdapter, Full

TASKS = ("segmentation", "depth", "normals")
# A block without adapter stands between the first two, and one behind the last.
BLOCKS = [(3, 1), (4, 1)]
METHODS: dict[str, Callable[..., Encoder]] = {
    "VTAGML": partial(VTAGML, blocks=BLOCKS),
    "adapters": lambda *given, **named: Shared(*given, BottleneckAdapter(BLOCKS), **named),
    "full": lambda *given, **named: Shared(*given, Full(), **named),
    "separate": lambda *given, **named: Separate(*given, Full(), **named),
}
OTHERS: dict[str, Callable[..., Encoder]] = {
    "beside the backbone": partial(SideVTAGML, blocks=BLOCKS),
    "features mixed": partial(MixedVTAGML, blocks=BLOCKS),
    "VMT": VMT,
    "Hyperformer": Hyperformer,
    "Polyhistor": partial(Polyhistor, rank=4),
    "Polyhistor-Lite": partial(PolyhistorLite, rank=4),
    "progressive": Progressive,
    "last blocks": LastBlocks,
    "TADFormer": TADFormer,
    "TaskPrompter": partial(TaskPrompter, width=8),
}


def encoder(
    method: str, checkpointing: bool, family: type[StagedBackbone], **settings: object
) -> Encoder:
    torch.manual_seed(0)
    network = (METHODS | OTHERS)[method](
        TASKS, awake(family((64, 96))), checkpointing=checkpointing, **settings
    )
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)
    return network.train()


def loss_of(network: Encoder) -> Tensor:
    torch.manual_seed(1)
    omega = torch.randn(3, 3).softmax(1)
    image = torch.rand(2, 3, 64, 96, dtype=next(network.parameters()).dtype)
    pyramids = network(image, omega)
    levels = [level for pyramid in pyramids.values() for level in pyramid]
    return torch.stack([(level * torch.randn_like(level)).sum() for level in levels]).sum()


def backward(network: Encoder) -> tuple[Tensor, dict[str, Tensor], Gram | None]:
    loss = loss_of(network)
    loss.backward()
    gram = take_gram(network)
    gradients = {n: each.grad for n, each in network.named_parameters() if each.grad is not None}
    return loss.detach(), gradients, gram


def assert_same(plain: Encoder, checkpointed: Encoder, tolerance: float = 0.0) -> None:
    close = partial(torch.testing.assert_close, rtol=tolerance, atol=tolerance)
    loss, gradients, gram = backward(plain)
    found_loss, found_gradients, found_gram = backward(checkpointed)
    close(found_loss, loss)
    assert found_gradients.keys() == gradients.keys() != set()
    for name, gradient in gradients.items():
        close(found_gradients[name], gradient, msg=name)
    forks = any(isinstance(module, Fork) for module in plain.modules()) and plain.apart
    assert (found_gram is None) == (gram is None) == (not forks)
    if gram is not None and found_gram is not None:
        close(found_gram.dots, gram.dots)
        close(found_gram.norms, gram.norms)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", METHODS)
def test_every_number_is_the_same(method: str, family: type[StagedBackbone]) -> None:
    assert_same(encoder(method, False, family), encoder(method, True, family))


@pytest.mark.parametrize("method", OTHERS)
def test_every_number_of_other_methods_is_the_same(method: str) -> None:
    family = TinyViT if method == "TaskPrompter" else TinySwinV2
    networks = (encoder(method, checkpointing, family).double() for checkpointing in (False, True))
    assert_same(*networks, tolerance=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_every_number_is_the_same_in_bfloat16(method: str) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert_same(encoder(method, False, TinySwinV2), encoder(method, True, TinySwinV2))


def test_every_number_is_the_same_with_the_adapters_of_the_figure() -> None:
    settings = {"family": TinySwinV2, "adapter": LiteralVisionAdapter}
    assert_same(encoder("VTAGML", False, **settings), encoder("VTAGML", True, **settings))  # type: ignore[arg-type]


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
def test_the_activations_of_the_blocks_are_not_kept(method: str) -> None:
    sizes = []
    for checkpointing in (False, True):
        with kept() as found:
            loss = loss_of(encoder(method, checkpointing, TinySwinV2))
        assert loss.requires_grad
        sizes.append(sum(found.values()))
    assert sizes[1] < 0.5 * sizes[0]


@pytest.mark.parametrize("method", METHODS)
def test_blocks_run_once_in_the_forward_and_once_in_the_backward(method: str) -> None:
    network, runs = encoder(method, True, TinySwinV2), []
    for module in network.modules():
        if isinstance(module, StagedBackbone):
            last = module.block(Place(4, 2))
    last.register_forward_pre_hook(lambda *_: runs.append(1))
    loss = loss_of(network)
    assert len(runs) == 1
    loss.backward()
    assert len(runs) == 2
    with torch.no_grad():
        loss_of(network)
    assert len(runs) == 3


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("method", OTHERS)
def test_other_methods_run_again_if_asked(method: str, checkpointing: bool) -> None:
    network = encoder(method, checkpointing, TinyViT)
    runs = {each.run for each in network.modules() if isinstance(each, StagedBackbone)}
    assert (recomputed in runs) == checkpointing


@pytest.mark.parametrize("method", OTHERS)
def test_other_methods_run_again_in_the_backward(method: str) -> None:
    network, runs = encoder(method, True, TinyViT), []
    for module in network.modules():
        module.register_forward_hook(lambda *_: runs.append(1))
    loss = loss_of(network)
    forward = len(runs)
    loss.backward()
    assert len(runs) > forward
