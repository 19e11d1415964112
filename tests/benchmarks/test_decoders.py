"""Whether the tasks' decoders of one shape are faster as one batched call than one by one."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from tests.benchmarks.bench import Bench
from vtagml.decoders import AllMLP, ConvDecoder, Decoder, SwinDecoder
from vtagml.encoders.folded import folded, own_tensors

CHANNELS, BATCH, SIDE, TASKS = (32, 64, 128, 256), 8, 128, 4
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class OfLevels(nn.Module):
    """A decoder that takes its levels one by one, as what is batched must."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, *levels: Tensor) -> Tensor:
        return self.decoder(list(levels), (SIDE, SIDE))


@pytest.mark.parametrize("kind", [ConvDecoder, AllMLP, SwinDecoder])
def test_one_by_one_or_batched(kind: Callable[[Sequence[int], int], Decoder], bench: Bench) -> None:
    decoders = [OfLevels(kind(CHANNELS, 1)).to(DEVICE) for _ in range(TASKS)]
    sides = [SIDE // stride for stride in (4, 8, 16, 32)]
    levels = [
        torch.rand(TASKS, BATCH, channels, side, side, device=DEVICE)
        for channels, side in zip(CHANNELS, sides, strict=True)
    ]

    def one_by_one() -> list[Tensor]:
        return [own(*(level[row] for level in levels)) for row, own in enumerate(decoders)]

    def batched() -> Tensor:
        return folded(decoders[0], own_tensors(decoders), *levels, apart=True)

    def finish(maps: Sequence[Tensor]) -> None:
        sum(own.sum() for own in maps).backward()  # type: ignore[union-attr]
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()

    torch.testing.assert_close(batched(), torch.stack(one_by_one()), rtol=1e-4, atol=1e-5)
    bench.time(
        f"{TASKS} decoders, {kind.__name__} on {DEVICE.type}, forward and backward / one by one",
        {
            "one by one": lambda: finish(one_by_one()),
            "one batched call": lambda: finish(list(batched())),
        },
    )
