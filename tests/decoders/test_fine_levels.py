from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from vtagml.decoders import ConvDecoder, Decoders, FineLevels, PerTask, Shared

CHANNELS = (8, 8, 8, 8)
OUTPUTS = {"depth": 1, "normals": 3}

MakePyramid = Callable[..., list[Tensor]]
Inner = type[PerTask] | type[Shared]


def build(inner: Inner = PerTask) -> FineLevels:
    decoder = partial(ConvDecoder, width=16, stride=4)
    return FineLevels(
        OUTPUTS, CHANNELS, lambda outputs, channels: inner(outputs, channels, decoder), width=16
    )


@pytest.fixture
def pyramids(make_pyramid: MakePyramid) -> dict[str, list[Tensor]]:
    return {task: make_pyramid(channels=CHANNELS, seed=seed) for seed, task in enumerate(OUTPUTS)}


class Seen(Decoders):
    """Keeps what it is asked to decode."""

    def __init__(self, outputs: dict[str, int], channels: tuple[int, ...]) -> None:
        super().__init__(outputs)
        self.channels = channels

    def decode(self, pyramids: dict[str, list[Tensor]], image: Tensor) -> dict[str, Tensor]:
        self.pyramids = pyramids
        return dict.fromkeys(pyramids, image[:, :1])


def test_stem_stands_beside_the_two_finest_levels_on_the_same_scale(
    pyramids: dict[str, list[Tensor]],
) -> None:
    decoders = FineLevels(OUTPUTS, CHANNELS, Seen, width=16)
    large = {task: [100 * level for level in pyramid] for task, pyramid in pyramids.items()}
    decoders(large, torch.rand(2, 3, 64, 64))
    inner = decoders.decoders
    assert inner.channels == (2 * 16, 2 * 32, 8, 8)
    for task, widened in inner.pyramids.items():
        assert tuple(level.shape[1] for level in widened) == inner.channels
        assert [level.shape[2] for level in widened] == [16, 8, 4, 2]
        for level, given in zip(widened[2:], large[task][2:], strict=True):
            assert level is given
        for level in widened[:2]:
            encoders, stems = (half.square().mean() for half in level.chunk(2, dim=1))
            assert 0.25 < encoders / stems < 4
    first, second = inner.pyramids.values()  # one stem for all tasks, each task's own pyramid
    for level, other in zip(first[:2], second[:2], strict=True):
        assert torch.equal(level.chunk(2, dim=1)[1], other.chunk(2, dim=1)[1])
        assert not torch.equal(level.chunk(2, dim=1)[0], other.chunk(2, dim=1)[0])


@pytest.mark.parametrize("inner", [PerTask, Shared])
def test_a_pixel_reaches_the_map_at_its_place(
    inner: Inner, pyramids: dict[str, list[Tensor]]
) -> None:
    decoders = build(inner)
    image = torch.rand(2, 3, 64, 64, requires_grad=True)
    depth = decoders(pyramids, image)["depth"]
    assert depth.shape == (2, 1, 64, 64)
    depth[0, 0, 40, 24].backward()
    gradient = image.grad
    assert gradient is not None
    assert gradient[1].abs().max() == 0  # images of a batch do not meet
    strongest = gradient[0].abs().sum(0).flatten().argmax().item()
    row, column = divmod(int(strongest), 64)
    assert abs(row - 40) < 16
    assert abs(column - 24) < 16


def test_gradient_reaches_every_parameter_and_each_pyramid_only_from_its_task(
    pyramids: dict[str, list[Tensor]],
) -> None:
    decoders = build()
    leaves = {task: [level.requires_grad_() for level in p] for task, p in pyramids.items()}
    maps = decoders(leaves, torch.rand(2, 3, 64, 64))
    maps["depth"].square().sum().backward(retain_graph=True)
    assert all(level.grad is None or level.grad.abs().max() == 0 for level in leaves["normals"])
    maps["normals"].square().sum().backward()
    for name, parameter in decoders.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("apart", [True, False])
def test_it_keeps_streams_apart_if_what_it_stands_before_does(apart: bool) -> None:
    kind = type("Seen", (Seen,), {"apart": apart})
    assert FineLevels(OUTPUTS, CHANNELS, kind, width=16).apart == apart


def test_width_that_does_not_split_into_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="`width` must be a positive multiple of 16, found 24"):
        FineLevels(OUTPUTS, CHANNELS, Seen, width=24)
