"""Trained parameters on Swin-T, four tasks, against Tables 2 and 3 of VMT-Adapter."""

import pytest
import torch
from torch import nn

from vtagml.backbone import Swin
from vtagml.encoders import Encoder, Separate, Shared
from vtagml.tuning import (
    BitFit,
    BottleneckAdapter,
    Frozen,
    Full,
    LoRA,
    LoRAEverywhere,
    LowRankAdapter,
    RelativeBias,
    Tuning,
)

TASKS = ("segmentation", "parts", "saliency", "normals")
WHOLE = 27_517_818  # Swin-T without head and final norm; printed 27.51 M
FINAL_NORM_BIAS = 768  # which no map of a pyramid passes; the paper counts it


def encoder(kind: type[Encoder], tuning: Tuning) -> Encoder:
    with torch.device("meta"):  # shapes alone
        return kind(TASKS, Swin(weights=None), tuning)  # type: ignore[call-arg, arg-type]


def trained(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters() if each.requires_grad)


def stored(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize(
    ("tuning", "once"),
    [
        (Frozen(), 0),
        (Full(), WHOLE),
        (BitFit(), 75_546 - FINAL_NORM_BIAS),  # printed .08 M
        (RelativeBias(), 23_322),  # the 12 tables: printed .03 M shared, .09 M for four
        (BottleneckAdapter(reduction=2), 2_172_000),  # printed 2.17 M
        (LoRA(rank=5), 132_480),  # printed .13 M shared
        (LoRA(rank=3), 79_488),  # four times that: printed .32 M for each task alone
        (LowRankAdapter(reduction=4), 99_360),  # printed .10 M shared
        (LowRankAdapter(reduction=16), 84_456),  # four times that: printed .34 M
        (LoRAEverywhere(rank=64), 4_521_984),  # 16d per rank: the most of MTLoRA's 8.34 M
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Tuning) else "",
)
def test_shared_trains_once_and_separate_once_per_task(tuning: Tuning, once: int) -> None:
    shared, separate = encoder(Shared, tuning), encoder(Separate, tuning)

    assert trained(shared) == once
    assert trained(separate) == 4 * once
    # What is frozen is stored once.
    frozen = stored(shared) - once
    assert stored(separate) == frozen + 4 * once
