from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from tests.decoders.conftest import count
from vtagml.decoders import (
    AllMLP,
    ConvDecoder,
    Decoder,
    Decoders,
    HighResolution,
    PerTask,
    PooledLinear,
    Shared,
    SwinDecoder,
)

CHANNELS = (8, 16, 24, 32)
OUTPUTS = {"segmentation": 5, "depth": 1, "normals": 3}
IMAGE = torch.zeros(2, 3, 64, 64)

MakePyramid = Callable[..., list[Tensor]]
Pyramids = dict[str, list[Tensor]]

FAMILIES = [
    partial(AllMLP, width=8),
    partial(HighResolution, width=8),
    partial(ConvDecoder, width=16),
    partial(SwinDecoder, window=3, depth=1),
    PooledLinear,
]
both = pytest.mark.parametrize("family", [PerTask, Shared])
NAMES = ["all_mlp", "high_resolution", "conv", "swin", "pooled"]
every = pytest.mark.parametrize("build", FAMILIES, ids=NAMES)


@pytest.fixture
def pyramids(make_pyramid: MakePyramid) -> Pyramids:
    return {task: make_pyramid(dtype=torch.float64, seed=seed) for seed, task in enumerate(OUTPUTS)}


@both
@every
def test_maps_in_the_order_of_the_tasks(
    family: type[Decoders], build: Callable[..., Decoder], pyramids: Pyramids
) -> None:
    decoders = family(OUTPUTS, CHANNELS, build).double()
    reordered = dict(reversed(pyramids.items()))
    maps = decoders(reordered, IMAGE)
    assert list(maps) == list(OUTPUTS)
    assert [maps[task].shape[:2] for task in OUTPUTS] == [(2, 5), (2, 1), (2, 3)]
    for task, expected in decoders(pyramids, IMAGE).items():
        assert torch.equal(maps[task], expected)


@every
def test_tasks_that_share_their_first_levels_alone_keep_their_own_maps(
    build: Callable[..., Decoder], pyramids: Pyramids
) -> None:
    decoders = Shared(OUTPUTS, CHANNELS, build).double()
    frozen = pyramids["segmentation"][:2]  # As levels in front of a fork are.
    shared = {task: [*frozen, *pyramid[2:]] for task, pyramid in pyramids.items()}
    copies = {task: [level.clone() for level in pyramid] for task, pyramid in shared.items()}
    for task, expected in decoders(copies, IMAGE).items():
        assert torch.equal(decoders(shared, IMAGE)[task], expected)


@both
@every
def test_a_task_sees_only_its_own_pyramid(
    family: type[Decoders], build: Callable[..., Decoder], pyramids: Pyramids
) -> None:
    decoders = family(OUTPUTS, CHANNELS, build).double()
    leaves = {task: [level.requires_grad_() for level in p] for task, p in pyramids.items()}
    decoders(leaves, IMAGE)["depth"][1].square().sum().backward()
    for task, pyramid in leaves.items():
        for level in pyramid:
            reached = torch.zeros(2) if level.grad is None else level.grad.abs().sum(dim=(1, 2, 3))
            assert reached[0] == 0
            assert task == "depth" or reached[1] == 0
    deepest = leaves["depth"][-1].grad
    assert deepest is not None
    assert deepest[1].abs().sum() > 0


@every
def test_shared_equals_its_trunk_run_for_one_task_at_a_time(
    build: Callable[..., Decoder], pyramids: Pyramids
) -> None:
    shared = Shared(OUTPUTS, CHANNELS, build).double()
    found = shared(pyramids, IMAGE)
    for task, pyramid in pyramids.items():
        alone = build(CHANNELS, OUTPUTS[task]).double()
        trunk = shared.decoder.state_dict()
        head = {f"head.{name}": value for name, value in shared.heads[task].state_dict().items()}
        alone.load_state_dict(trunk | head)
        torch.testing.assert_close(found[task], alone(pyramid, (64, 64)))


@every
def test_one_pyramid_for_all_tasks_passes_the_trunk_once(
    build: Callable[..., Decoder], make_pyramid: MakePyramid
) -> None:
    shared = Shared(OUTPUTS, CHANNELS, build).double()
    batches = []
    trunk = shared.decoder.trunk

    def watched(pyramid: list[Tensor]) -> Tensor:
        batches.append(len(pyramid[0]))
        return trunk(pyramid)

    shared.decoder.trunk = watched
    pyramid = make_pyramid(dtype=torch.float64)
    once = shared(dict.fromkeys(OUTPUTS, pyramid), IMAGE)
    folded = shared({task: [level.clone() for level in pyramid] for task in OUTPUTS}, IMAGE)
    assert batches == [2, 6]
    torch.testing.assert_close(once, folded)


def test_counts() -> None:
    build = partial(ConvDecoder, width=16)
    single = {task: count(build(CHANNELS, number)) for task, number in OUTPUTS.items()}
    assert count(PerTask(OUTPUTS, CHANNELS, build)) == sum(single.values())
    # One trunk instead of three. A head reads 8 channels: 9 parameters per output.
    trunk = single["depth"] - 9 * 1
    assert count(Shared(OUTPUTS, CHANNELS, build)) == trunk + 9 * (5 + 1 + 3)


@both
def test_gradient_reaches_every_parameter(family: type[Decoders], pyramids: Pyramids) -> None:
    decoders = family(OUTPUTS, CHANNELS, partial(ConvDecoder, width=16)).double()
    maps = decoders(pyramids, IMAGE)
    torch.stack([dense.square().sum() for dense in maps.values()]).sum().backward()
    for name, parameter in decoders.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@both
def test_one_task(family: type[Decoders], make_pyramid: MakePyramid) -> None:
    decoders = family({"depth": 1}, CHANNELS, partial(AllMLP, width=8))
    assert decoders({"depth": make_pyramid()}, IMAGE)["depth"].shape == (2, 1, 64, 64)


@both
def test_autocast_keeps_the_dtype(family: type[Decoders], make_pyramid: MakePyramid) -> None:
    decoders = family(OUTPUTS, CHANNELS, partial(ConvDecoder, width=16))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = decoders({task: make_pyramid() for task in OUTPUTS}, IMAGE)
    assert {dense.dtype for dense in maps.values()} == {torch.float32}


@both
def test_errors(family: type[Decoders], pyramids: Pyramids, make_pyramid: MakePyramid) -> None:
    build = partial(AllMLP, width=8)
    with pytest.raises(ValueError, match="`outputs` must name at least one task"):
        family({}, CHANNELS, build)
    decoders = family(OUTPUTS, CHANNELS, build).double()
    del pyramids["depth"]
    with pytest.raises(ValueError, match=r"`pyramids` must .* 'depth'.* found \('segmentation'"):
        decoders(pyramids, IMAGE)
    narrow = {task: make_pyramid(channels=(4, 16, 24, 32)) for task in OUTPUTS}
    with pytest.raises(ValueError, match=r"`pyramid` must have .* found \(4, 16, 24, 32\)"):
        decoders(narrow, IMAGE)
