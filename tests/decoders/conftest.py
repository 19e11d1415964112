"""Pyramids of random features, as an encoder would give them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

STRIDES = (4, 8, 16, 32)

MakePyramid = Callable[..., list[Tensor]]


def random_pyramid(
    channels: tuple[int, ...] = (8, 16, 24, 32),
    batch: int = 2,
    size: tuple[int, int] = (64, 64),
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(
            batch, count, size[0] // stride, size[1] // stride, generator=generator, dtype=dtype
        )
        for count, stride in zip(channels, STRIDES, strict=True)
    ]


@pytest.fixture
def make_pyramid() -> MakePyramid:
    return random_pyramid


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
