"""Pyramids of random features, as an encoder would give them, and how large a decoder is."""

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


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture
def make_pyramid() -> MakePyramid:
    return random_pyramid
