from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vtagml.affinity import Fork, Gram, forked_pyramid, token_summed

WEIGHTS = (0.7, 2.0, 0.05)
TASKS = len(WEIGHTS)


class Net(nn.Module):
    """A trunk, the fork, a shared layer behind it and one decoder per task."""

    def __init__(self, frozen: bool = False) -> None:
        super().__init__()
        self.trunk = nn.Linear(5, 6)
        self.fork = Fork(TASKS)
        self.adapter = nn.Linear(6, 6)
        self.decoders = nn.ModuleList(
            nn.Sequential(nn.Linear(6, 4), nn.GELU(), nn.Linear(4, 2)) for _ in range(TASKS)
        )
        self.trunk.requires_grad_(not frozen)

    def shared(self, image: Tensor) -> Tensor:
        return self.trunk(image).tanh()

    def losses(self, streams: Tensor, target: Tensor) -> list[Tensor]:
        """Sums of squares; `streams` holds each task's view of the shared representation."""
        behind = self.adapter(streams).sin()
        return [
            (decoder(stream) - target[task]).square().sum()
            for task, (decoder, stream) in enumerate(zip(self.decoders, behind, strict=True))
        ]

    def forward(self, image: Tensor, target: Tensor) -> Tensor:
        return weighted(self.losses(self.fork(self.shared(image)), target))


def weighted(losses: list[Tensor]) -> Tensor:
    return torch.stack([w * loss for w, loss in zip(WEIGHTS, losses, strict=True)]).sum()


@pytest.fixture(autouse=True)
def seed() -> Iterator[None]:
    torch.manual_seed(0)
    yield
    torch.compiler.reset()


def batch(images: int = 4, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    return torch.randn(images, 3, 5, dtype=dtype), torch.randn(TASKS, images, 3, 2, dtype=dtype)


def expected_cosines(net: Net, image: Tensor, target: Tensor) -> Tensor:
    """Cosines of the unweighted gradients, one `autograd.grad` per task."""
    representation = net.shared(image).detach().requires_grad_()
    plain = representation.unsqueeze(0).expand(TASKS, *representation.shape)
    losses = net.losses(plain, target)
    rows = [torch.autograd.grad(loss, representation, retain_graph=True)[0] for loss in losses]
    flat = torch.stack(rows).flatten(1).double()
    return torch.nn.functional.cosine_similarity(flat[:, None], flat[None], dim=-1)


def taken(fork: Fork) -> Gram:
    gram = fork.take()
    assert gram is not None
    return gram


def assert_equal_to_autograd(
    net: Net, forward: Callable[[Tensor, Tensor], Tensor], tolerance: float = 1e-10
) -> None:
    image, target = batch()
    forward(image, target).backward()
    found = taken(net.fork).cosines()
    torch.testing.assert_close(
        found, expected_cosines(net, image, target), rtol=tolerance, atol=tolerance
    )


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


def test_what_was_gathered_moves_with_the_fork() -> None:
    net = Net().double()
    net(*batch()).backward()
    net.fork.to("meta")
    assert taken(net.fork).dots.device.type == "meta"


def test_no_tasks_are_refused() -> None:
    with pytest.raises(ValueError, match="`tasks` must be at least 1, found 0"):
        Fork(0)
