"""What an epoch costs whose frozen blocks were run in one before."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.benchmarks import test_training_step
from tests.benchmarks.bench import CLEARLY, Bench
from tests.benchmarks.test_training_step import SIDE, batch, module, step
from vtagml.backbone import Backbone, StagedBackbone, SwinV2, SwinV2Nano
from vtagml.encoders import Shared
from vtagml.features import KeptPrefix

LARGE = 256
METHODS = {
    name: method
    for name, method in test_training_step.METHODS.items()
    if name.startswith(("full", "VTAGML", "frozen"))
}
BACKBONES: dict[str, tuple[Callable[[], Backbone], int, int, int]] = {
    "SwinV2Nano": (SwinV2Nano, SIDE, 8, 7),
    "Swin-B V2": (
        partial(SwinV2, "swinv2_base_window8_256", (LARGE, LARGE), weights=None), LARGE, 2, 3,
    ),
}  # fmt: skip
"""By name: what makes it, side of the images, how many of them, rounds."""


def rounding(backbone: StagedBackbone, layers: int, image: Tensor, dtype: torch.dtype) -> float:
    """By how much of their norm the features of the frozen blocks are off, at most."""
    with torch.no_grad():
        levels = backbone.begin(image, layers)
    return max(float((each.to(dtype) - each).norm() / each.norm()) for each in levels)


@pytest.mark.parametrize("name", BACKBONES)
def test_kept_features(name: str, tmp_path: Path, bench: Bench) -> None:
    backbone, side, count, rounds = BACKBONES[name]
    data = batch(count, (side, side))
    steps, stores = {}, []
    for method, (encoder, affinity) in METHODS.items():
        steps[method] = step(module(encoder, affinity, backbone=backbone), data)
        if encoder is not Shared:
            model = module(encoder, affinity, backbone=backbone)
            beginning = model.network.encoder.frozen_beginning()
            assert beginning is not None
            kept = KeptPrefix(*beginning, tmp_path / method, torch.float16, (side, side))
            beginning[0].kept = kept
            stores += [kept.store]
            steps[f"{method}, frozen blocks kept"] = step(model, data)
    ratios = bench.time(
        f"training step on {name}, {count} images of {side}², features on disk / full fine-tuning",
        steps,
        rounds,
    )
    for store in stores:
        store.close()
    halves = {"float16": torch.float16, "bfloat16": torch.bfloat16}
    assert beginning is not None  # decoders alone: of all blocks
    off = {each: rounding(*beginning, data["image"], dtype) for each, dtype in halves.items()}
    bench.note(", ".join(f"Features in {each} are off by {by:.1e}" for each, by in off.items()))
    for method in (each for each in METHODS if f"{each}, frozen blocks kept" in ratios):
        reading = ratios[f"{method}, frozen blocks kept"]
        assert reading < CLEARLY * ratios[method], "reading takes longer than computing"
