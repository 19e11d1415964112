"""What LoRA costs beside the same function as a parametrization, and beside full fine-tuning."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from tests.benchmarks.bench import CLEARLY, Bench
from vtagml.backbone import Swin, staged
from vtagml.tuning import Full, LoRA, Tuning
from vtagml.tuning.lora import LowRankLinear

SIDE, BATCH, RANK = 224, 4, 4


class Product(nn.Module):
    """W + B·A."""

    def __init__(self, low_rank: LowRankLinear) -> None:
        super().__init__()
        self.low_rank = low_rank

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.low_rank.up.weight @ self.low_rank.down.weight


def swin(tuning: Tuning) -> Swin:
    torch.manual_seed(0)
    backbone = Swin(weights=None)
    tuning.tune(backbone)
    return backbone


def parametrized() -> Swin:
    """The backbone with LoRA, each product written into its matrix at every call."""
    backbone = swin(LoRA(RANK))
    network = staged(backbone)
    for place in network.places():
        for layer in network.attention:
            block = network.block(place)
            low_rank = cast(LowRankLinear, block.get_submodule(layer))
            parametrize.register_parametrization(low_rank.layer, "weight", Product(low_rank))
            block.set_submodule(layer, low_rank.layer)
    return backbone


def step(backbone: Swin) -> Callable[[], None]:
    image = torch.rand(BATCH, 3, SIDE, SIDE)

    def run() -> None:
        sum(level.square().mean() for level in backbone(image)).backward()  # type: ignore[union-attr]

    return run


def test_lora(bench: Bench) -> None:
    ratios = bench.time(
        "forward and backward of Swin-T / LoRA beside its layers",
        {
            "LoRA beside its layers": step(swin(LoRA(RANK))),
            "the same again (what noise looks like)": step(swin(LoRA(RANK))),
            "LoRA as a parametrization": step(parametrized()),
            "full fine-tuning": step(swin(Full())),
        },
    )
    assert ratios["LoRA as a parametrization"] > 1 / CLEARLY, "the other way is cheaper by far"
