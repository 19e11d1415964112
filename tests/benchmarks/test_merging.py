"""What a merged network costs beside timm's own, and what it cost before it was merged."""

import torch
from torch import nn

from tests.benchmarks.bench import CLEARLY, Bench
from vtagml.backbone import PlainNetwork, ViT
from vtagml.tuning import Frozen, LoRAEverywhere, Tuning

SIDE, BATCH, RANK = 224, 2, 4
ROUNDS = 21


def vit(tuning: Tuning) -> ViT:
    torch.manual_seed(0)
    backbone = ViT("vit_small_patch16_224", (SIDE, SIDE), weights=None)
    tuning.tune(backbone)
    return backbone


def plain(backbone: ViT) -> nn.Module:
    network = PlainNetwork(backbone)
    return network.loaded(network.weights)


def test_merging(bench: Bench) -> None:
    lora = LoRAEverywhere(RANK)
    networks = {
        "timm's own": plain(vit(Frozen())),
        "the same again (what noise looks like)": plain(vit(Frozen())),
        "merged": plain(lora.merge(vit(lora))),
        "before: LoRA beside its layers": vit(lora).model,
    }
    images = torch.rand(BATCH, 3, SIDE, SIDE)
    with torch.inference_mode():
        ratios = bench.time(
            "forward of ViT-S without gradients / timm's own",
            {name: (lambda own=own: own(images)) for name, own in networks.items()},
            ROUNDS,
        )
    assert 1 / CLEARLY < ratios["merged"] < CLEARLY, "a merged network is no plain one"
