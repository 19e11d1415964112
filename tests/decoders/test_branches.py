"""Branches in turn: one ordinary backward's gradients, and no activation left behind a branch."""

import weakref
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from tests.test_network import Crossing
from vtagml.decoders import ConvDecoder, Decoders, FineLevels, PerTask, Shared, in_turn, together
from vtagml.decoders.branches import Run

CHANNELS = (8, 16, 24, 32)
OUTPUTS = {"segmentation": 5, "depth": 1, "normals": 3}
WEIGHTS = (0.7, 2.0, 1.3)
IMAGE = torch.rand(2, 3, 64, 64, dtype=torch.float64)
TINY = 2.0**-20  # times a thousandth: nothing in half precision

MakePyramid = Callable[..., list[Tensor]]
build = partial(ConvDecoder, width=16)


def per_task(outputs: dict[str, int], channels: tuple[int, ...]) -> PerTask:
    return PerTask(outputs, channels, build)


def fine(outputs: dict[str, int], channels: tuple[int, ...]) -> FineLevels:
    return FineLevels(outputs, channels, per_task, width=16)


class WithShared(PerTask):
    """Decoders of the tasks' own behind a scale that all have."""

    def __init__(self, outputs: dict[str, int], channels: tuple[int, ...]) -> None:
        super().__init__(outputs, channels, build)
        self.scale = nn.Parameter(torch.tensor(1.5))

    def decode(self, pyramids: dict[str, list[Tensor]], image: Tensor) -> dict[str, Tensor]:
        scaled = {task: [self.scale * each for each in own] for task, own in pyramids.items()}
        return super().decode(scaled, image)


class Tied(PerTask):
    """Two decoders with one first layer, which belongs to both."""

    def __init__(self, outputs: dict[str, int], channels: tuple[int, ...]) -> None:
        super().__init__(outputs, channels, build)
        self.decoders["depth"].laterals[0] = self.decoders["normals"].laterals[0]


class OnTheWay(PerTask):
    """A second map of each task, on the way to its own."""

    def decode(self, pyramids: dict[str, list[Tensor]], image: Tensor) -> dict[str, Tensor]:
        maps = super().decode(pyramids, image)
        return maps | {f"{task}/1": map.tanh() for task, map in maps.items()}


def loss(task: str, maps: dict[str, Tensor]) -> Tensor:
    own = [map for name, map in maps.items() if name.split("/")[0] == task]
    return torch.stack([(map - 1).square().mean() for map in own]).sum()


Found = tuple[dict[str, Tensor], dict[str, Tensor | None]]


def step(decoders: Decoders, pyramids: dict[str, list[Tensor]], run: Run) -> Found:
    """Losses, and the gradients of their weighted sum by parameter and level."""
    for module in decoders.modules():
        if isinstance(module, Decoders):
            module.run = run
    leaves = {
        # The finest level is frozen, as levels in front of a fork are.
        task: [level.clone().requires_grad_(place > 0) for place, level in enumerate(own)]
        for task, own in pyramids.items()
    }
    decoders.zero_grad()
    losses = decoders.losses(leaves, IMAGE, {task: partial(loss, task) for task in OUTPUTS})
    assert all(each.grad is None for each in decoders.parameters())
    sum(weight * own for weight, own in zip(WEIGHTS, losses.values(), strict=True)).backward()  # type: ignore[union-attr]
    levels = {f"{task}/{i}": x.grad for task, own in leaves.items() for i, x in enumerate(own)}
    return losses, levels | {name: each.grad for name, each in decoders.named_parameters()}


@pytest.fixture
def pyramids(make_pyramid: MakePyramid) -> dict[str, list[Tensor]]:
    return {task: make_pyramid(dtype=torch.float64, seed=seed) for seed, task in enumerate(OUTPUTS)}


@pytest.mark.parametrize(
    "make",
    [
        per_task,
        fine,
        WithShared,
        Tied,
        partial(OnTheWay, decoder=build),
        partial(Crossing, decoder=build),
        partial(Shared, decoder=build),
    ],
    ids=["per_task", "fine_levels", "with_shared", "tied", "on_the_way", "crossing", "shared"],
)
def test_gradients_are_those_of_one_backward(
    make: Callable[..., Decoders], pyramids: dict[str, list[Tensor]]
) -> None:
    decoders = make(OUTPUTS, CHANNELS).double()
    losses, expected = step(decoders, pyramids, together)
    found_losses, found = step(decoders, pyramids, in_turn)
    assert list(losses) == list(found_losses) == list(OUTPUTS)
    maps = decoders(pyramids, IMAGE)
    for task, own in losses.items():
        assert torch.equal(own, loss(task, maps))
        assert torch.equal(found_losses[task], own)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        if gradient is None:  # of the frozen levels alone
            assert name.endswith("/0")
            assert found[name] is None
        else:
            assert gradient.any()
            torch.testing.assert_close(found[name], gradient, rtol=1e-10, atol=1e-14, msg=name)


def test_a_branch_is_over_before_the_next_one_begins(pyramids: dict[str, list[Tensor]]) -> None:
    decoders = per_task(OUTPUTS, CHANNELS).double()
    decoders.run = in_turn
    events: list[str] = []
    features: list[weakref.ref[Tensor]] = []

    def watch(task: str, _: object, inputs: tuple[Tensor], output: Tensor) -> None:
        assert [each() for each in features] == [None] * len(features), "an activation is kept"
        features.append(weakref.ref(inputs[0]))
        events.append(f"forward {task}")
        output.register_hook(lambda _: events.append(f"backward {task}"))

    for task, decoder in decoders.decoders.items():
        decoder.head.register_forward_hook(partial(watch, task))
    losses = decoders.losses(pyramids, IMAGE, {task: partial(loss, task) for task in OUTPUTS})
    assert events == [f"{kind} {task}" for task in OUTPUTS for kind in ("forward", "backward")]
    torch.stack(list(losses.values())).sum().backward()
    assert len(events) == 2 * len(OUTPUTS)  # no branch runs twice


@pytest.mark.parametrize("run", [together, in_turn])
def test_tasks_without_a_loss_are_not_decoded(run: Run, pyramids: dict[str, list[Tensor]]) -> None:
    decoders = per_task(OUTPUTS, CHANNELS).double()
    decoders.run = run
    decoders.decoders["normals"].register_forward_hook(lambda *_: pytest.fail("it is decoded"))
    found = decoders.losses(pyramids, IMAGE, {"depth": partial(loss, "depth")})
    assert list(found) == ["depth"]


@pytest.mark.parametrize("run", [together, in_turn])
def test_a_pyramid_that_is_missing_is_named(run: Run, pyramids: dict[str, list[Tensor]]) -> None:
    decoders = per_task(OUTPUTS, CHANNELS).double()
    decoders.run = run
    del pyramids["depth"]
    with pytest.raises(ValueError, match=r"`pyramids` must .* 'depth'.* found \('segmentation'"):
        decoders.losses(pyramids, IMAGE, {"normals": partial(loss, "normals")})


def product(pyramid: list[Tensor]) -> Tensor:
    return pyramid[0].prod()


def test_without_gradients_nothing_is_differentiated() -> None:
    level = torch.tensor([2.0, 3.0], requires_grad=True)
    with torch.no_grad():
        found = in_turn(product, [level], [], 1.0)
    assert found == 6
    assert not found.requires_grad


def test_where_nothing_trains_there_is_no_gradient_to_keep() -> None:
    found = in_turn(product, [torch.tensor([2.0, 3.0])], [], 1.0)
    assert found == 6
    assert not found.requires_grad


def test_a_graph_that_is_retained_gives_the_same_again() -> None:
    level = torch.tensor([2.0, 3.0], requires_grad=True)
    found = in_turn(product, [level], [], 1.0)
    first = torch.autograd.grad(found, level, retain_graph=True)[0]
    second = torch.autograd.grad(5 * found, level)[0]
    assert first.tolist() == [3, 2]
    assert second.tolist() == [15, 10]


def test_no_gradient_vanishes_in_half_precision_that_is_scaled() -> None:
    def small(pyramid: list[Tensor]) -> Tensor:
        return (1e-3 * pyramid[0].half()).float().sum() * TINY

    level = torch.ones(3, dtype=torch.float16, requires_grad=True)
    scale = 2.0**16
    vanished = torch.autograd.grad(scale * in_turn(small, [level], [], 1.0), level)[0]
    kept = torch.autograd.grad(scale * in_turn(small, [level], [], scale), level)[0]
    expected = torch.autograd.grad(scale * small([level]), level)[0]
    assert not vanished.any()
    assert expected.all()
    assert torch.equal(kept, expected)


def test_autocast_chooses_nothing_in_the_backward() -> None:
    level = torch.randn(3, 4, requires_grad=True)
    matrix = torch.randn(4, 5)

    def precise(pyramid: list[Tensor]) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return (pyramid[0] @ matrix).square().sum()

    with torch.autocast("cpu", torch.bfloat16):
        found = in_turn(precise, [level], [], 1.0)
    expected = torch.autograd.grad(precise([level]), level)[0]
    assert torch.equal(torch.autograd.grad(found, level)[0], expected)


def test_a_weight_is_not_rounded_to_half_precision() -> None:
    factors = torch.linspace(1, 2, 50).bfloat16()
    level = torch.ones(50, dtype=torch.bfloat16, requires_grad=True)

    def weighed(pyramid: list[Tensor]) -> Tensor:
        return (factors * pyramid[0]).float().sum()

    found = torch.autograd.grad(0.7 * in_turn(weighed, [level], [], 1.0), level)[0]
    assert torch.equal(found, (0.7 * factors.float()).bfloat16())
    assert not torch.equal(found, torch.tensor(0.7).bfloat16() * factors)
