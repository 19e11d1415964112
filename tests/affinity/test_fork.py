"""The Gram of one backward is what one `autograd.grad` per task gives."""

from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from tests.affinity.forked import (
    TASKS,
    Net,
    assert_equal_to_autograd,
    batch,
    expected_cosines,
    taken,
    weighted,
)
from vtagml.affinity import Fork


@pytest.fixture(autouse=True)
def seed() -> Iterator[None]:
    torch.manual_seed(0)
    yield
    torch.compiler.reset()


@pytest.mark.parametrize("frozen", [False, True])
def test_cosines_equal_one_autograd_call_per_task(frozen: bool) -> None:
    net = Net(frozen).double()
    assert_equal_to_autograd(net, net)


def test_gradients_of_the_parameters_are_those_of_a_plain_fan_out() -> None:
    net = Net().double()
    image, target = batch()
    net(image, target).backward()
    found = [each.grad.clone() for each in net.parameters() if each.grad is not None]
    net.zero_grad()
    shared = net.shared(image)
    weighted(net.losses(shared.unsqueeze(0).expand(TASKS, *shared.shape), target)).backward()
    for gradient, parameter in zip(found, net.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("around", ["all", "before", "behind"])
def test_activation_checkpointing_captures_the_same_once(reentrant: bool, around: str) -> None:
    net = Net().double()
    records = count_records(net.fork)

    def forward(image: Tensor, target: Tensor) -> Tensor:
        if around == "all":
            # The reentrant kind needs an input that requires a gradient.
            return checkpoint(net, image.requires_grad_(), target, use_reentrant=reentrant)
        if around == "before":
            streams = checkpoint(
                lambda x: net.fork(net.shared(x)), image.requires_grad_(), use_reentrant=reentrant
            )
            return weighted(net.losses(streams, target))
        streams = net.fork(net.shared(image))
        return checkpoint(
            lambda x: weighted(net.losses(x, target)), streams, use_reentrant=reentrant
        )

    assert_equal_to_autograd(net, forward)
    assert len(records) == 1


def count_records(fork: Fork) -> list[int]:
    calls: list[int] = []
    record = fork.record

    def counting(gradients: Sequence[Tensor | None]) -> None:
        calls.append(len(gradients))
        record(gradients)

    fork.record = counting  # type: ignore[method-assign]
    return calls


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_frozen_representation_is_captured_behind_a_checkpoint(reentrant: bool) -> None:
    net = Net(frozen=True).double()

    def forward(image: Tensor, target: Tensor) -> Tensor:
        with torch.no_grad():
            shared = net.shared(image)
        return checkpoint(
            lambda x: weighted(net.losses(x, target)), net.fork(shared), use_reentrant=reentrant
        )

    assert_equal_to_autograd(net, forward)


def test_levels_that_no_decoder_reads_have_no_gram() -> None:
    # As where tasks' decoders run in turn, and all read what stands in front of the fork.
    fork = Fork(TASKS)
    fork.record([None, None])
    assert fork.take() is None


def test_two_micro_batches_gather_the_gram_of_the_whole_batch() -> None:
    net = Net().double()
    image, target = batch()
    net(image, target).backward()
    whole = taken(net.fork)
    for part in (slice(0, 2), slice(2, 4)):
        net(image[part], target[:, part]).backward()
    parts = taken(net.fork)
    torch.testing.assert_close(parts.dots, whole.dots, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(parts.norms, whole.norms, rtol=1e-12, atol=1e-12)


# Dynamo reads `.grad` of the streams, which are no leaves, where it resumes behind the fork.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
def test_compiled_with_graph_breaks_captures_the_same() -> None:
    net = Net().double()
    assert_equal_to_autograd(net, torch.compile(net, backend="aot_eager"))


@pytest.mark.parametrize("frozen", [False, True])
def test_bfloat16_autocast_equals_autograd_in_the_same_autocast(frozen: bool) -> None:
    net = Net(frozen)
    # A weight that is not a power of two rounds each of the captured elements differently from
    # the unweighted reference; over the elements of 64 images this averages out.
    image, target = batch(64, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        loss = net(image, target)
    loss.backward()
    with torch.autocast("cpu", torch.bfloat16):
        expected = expected_cosines(net, image, target)
    torch.testing.assert_close(taken(net.fork).cosines(), expected, rtol=0, atol=1e-3)


def test_the_scale_of_one_loss_does_not_change_the_cosines() -> None:
    net = Net().double()
    image, target = batch()
    losses = net.losses(net.fork(net.shared(image)), target)
    sum(losses, torch.zeros(())).backward()
    plain = taken(net.fork).cosines()
    losses = net.losses(net.fork(net.shared(image)), target)
    losses[1] = losses[1] * 1000
    sum(losses, torch.zeros(())).backward()
    torch.testing.assert_close(taken(net.fork).cosines(), plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**30])
def test_a_power_of_two_as_scale_changes_no_bit_of_the_cosines(scale: float) -> None:
    net = Net()
    image, target = batch(dtype=torch.float32)
    net(image, target).backward()
    plain = taken(net.fork).cosines()
    # The first half of the images, then the second, as accumulated micro-batches are.
    for part in (slice(0, 2), slice(2, 4)):
        (scale * net(image[part], target[:, part])).backward()
    found = taken(net.fork).cosines()
    for part in (slice(0, 2), slice(2, 4)):
        net(image[part], target[:, part]).backward()
    assert torch.equal(found, taken(net.fork).cosines())
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-6)
