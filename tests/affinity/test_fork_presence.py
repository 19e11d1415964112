"""When the fork captures, which tasks are present, and what it refuses."""

from collections.abc import Callable

import pytest
import torch

from tests.affinity.forked import TASKS, Net, batch, expected_cosines, taken
from vtagml.affinity import Fork, forked_pyramid, token_summed


def test_take_returns_the_gram_once() -> None:
    net = Net().double()
    assert net.fork.take() is None
    net(*batch()).backward()
    assert net.fork.take() is not None
    assert net.fork.take() is None


def test_nothing_is_captured_without_a_backward() -> None:
    net = Net().double()
    net(*batch())
    assert net.fork.take() is None


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_without_gradients_the_fork_only_expands(context: Callable[[], torch.no_grad]) -> None:
    shared = torch.randn(2, 3, 4)
    with context():
        streams = Fork(TASKS)(shared)
    assert not streams.requires_grad
    assert torch.equal(streams, shared.expand(TASKS, 2, 3, 4))


def test_in_eval_mode_gradients_flow_and_nothing_is_captured() -> None:
    net = Net().double().eval()
    net(*batch()).backward()
    assert net.fork.take() is None
    assert net.trunk.weight.grad is not None


def test_the_streams_share_the_memory_of_the_representation() -> None:
    shared = torch.randn(2, 3, 4)
    assert Fork(TASKS)(shared).data_ptr() == shared.data_ptr()


def test_a_single_task_is_passed_through_without_capture() -> None:
    fork = Fork(1)
    shared = torch.randn(2, 3, 4, requires_grad=True)
    fork(shared).square().sum().backward()
    assert fork.take() is None
    torch.testing.assert_close(shared.grad, 2 * shared.detach())


def test_a_frozen_representation_keeps_no_gradient() -> None:
    shared = torch.randn(2, 3, 4)
    streams = Fork(TASKS)(shared)
    assert streams.requires_grad
    streams.square().sum().backward()
    assert shared.grad is None
    assert not shared.requires_grad


@pytest.mark.parametrize("frozen", [False, True])
def test_an_in_place_operation_on_a_stream_is_refused(frozen: bool) -> None:
    shared = torch.randn(2, 3, 4, requires_grad=not frozen) * 1.0
    streams = Fork(TASKS)(shared)
    with pytest.raises(RuntimeError, match=r"(?i)in-?place"):
        streams[0].relu_().sum().backward()


def test_a_task_without_a_gradient_is_absent() -> None:
    net = Net().double()
    image, target = batch()
    losses = net.losses(net.fork(net.shared(image)), target)
    (losses[0] + losses[2] + 0 * losses[1]).backward()
    undefined = taken(net.fork).cosines().isnan()
    assert undefined[1].all()
    assert undefined[:, 1].all()
    assert not undefined[0, 2]


def test_nan_in_one_loss_leaves_the_other_pairs_exact() -> None:
    net = Net().double()
    image, target = batch()
    target[1] = torch.nan
    net(image, target).backward()
    found = taken(net.fork).cosines()
    expected = expected_cosines(net, image, target)
    assert found[1].isnan().all()
    torch.testing.assert_close(found[0, 2], expected[0, 2], rtol=1e-10, atol=1e-10)


def test_a_tiny_weight_does_not_underflow_in_float32() -> None:
    net = Net()
    image, target = batch(dtype=torch.float32)
    losses = net.losses(net.fork(net.shared(image)), target)
    (losses[0] + 1e-20 * losses[1] + losses[2]).backward()
    expected = expected_cosines(net, image, target)
    torch.testing.assert_close(taken(net.fork).cosines(), expected, rtol=0, atol=1e-5)


def test_a_pyramid_counts_as_one_long_representation() -> None:
    torch.manual_seed(0)
    levels = [torch.randn(2, 3, size, size + 1, dtype=torch.float64) for size in (4, 2)]
    weights = [torch.randn(TASKS, *level.shape, dtype=torch.float64) for level in levels]
    fork = Fork(TASKS)
    streams = forked_pyramid(fork, levels)
    assert [each.shape for each in streams] == [each.shape for each in weights]
    for stream, level in zip(streams, levels, strict=True):
        assert torch.equal(stream[1], level)
    # The gradient of a sum weighted by constants is these constants.
    sum((s * w).sum() for s, w in zip(streams, weights, strict=True)).backward()  # type: ignore[union-attr]
    flat = torch.cat([each.flatten(1) for each in weights], 1)
    expected = torch.nn.functional.cosine_similarity(flat[:, None], flat[None], dim=-1)
    torch.testing.assert_close(taken(fork).cosines(), expected, rtol=1e-10, atol=1e-10)


def test_a_level_that_no_task_uses_is_left_out() -> None:
    levels = [torch.randn(2, 3, 4, 4, requires_grad=True) for _ in range(2)]
    fork = Fork(TASKS)
    fine, _ = forked_pyramid(fork, levels)
    fine.square().sum().backward()
    # All streams have the same gradient here.
    torch.testing.assert_close(taken(fork).cosines(), torch.ones(TASKS, TASKS, dtype=torch.float64))
    assert levels[1].grad is None


def test_a_task_that_uses_only_the_coarse_level_is_present() -> None:
    levels = [torch.randn(2, 3, 4, 4, requires_grad=True) for _ in range(2)]
    fork = Fork(2)
    fine, coarse = forked_pyramid(fork, levels)
    (fine[0].square().sum() + coarse.square().sum()).backward()
    first, second = levels[0].detach().flatten(), levels[1].detach().flatten()
    # Gradients (2a, 2b) and (0, 2b): their cosine is |b| / |(a, b)|.
    expected = second.norm() / torch.cat([first, second]).norm()
    torch.testing.assert_close(taken(fork).cosines()[0, 1], expected.double())


def test_the_statistic_of_the_fork_is_used() -> None:
    fork = Fork(2, token_summed)
    shared = torch.zeros(1, 2, 2, requires_grad=True)
    swapped = torch.tensor([[[0.0, 2.0], [2.0, 0.0]]])
    streams = fork(shared)
    (streams[0] * swapped).sum().add((streams[1] * swapped.flip(1)).sum()).backward()
    torch.testing.assert_close(taken(fork).cosines(), torch.ones(2, 2, dtype=torch.float64))


def test_the_fork_has_no_state_dict_and_keeps_its_precision_when_cast() -> None:
    net = Net().double()
    net(*batch()).backward()
    assert not net.fork.state_dict()
    net.bfloat16()
    assert taken(net.fork).dots.dtype == torch.float64


def test_no_tasks_are_refused() -> None:
    with pytest.raises(ValueError, match="`tasks` must be at least 1, found 0"):
        Fork(0)
