"""What a merged network costs beside timm's own, and what it cost before it was merged."""

import torch
from torch import nn

from tests.benchmarks.bench import CLEARLY, Bench
from vtagml.backbone import PlainNetwork, ViT
from vtagml.experts import GivenOrder, routers
from vtagml.tuning import Frozen, MoEfiedLoRA, Tuning

SIDE, BATCH, RANK, EXPERTS = 224, 2, 4, 16
ROUNDS = 21


def vit(tuning: Tuning) -> ViT:
    torch.manual_seed(0)
    backbone = ViT("vit_small_patch16_224", (SIDE, SIDE), weights=None)
    tuning.tune(backbone)
    return backbone


def faded(backbone: ViT) -> ViT:
    for router in routers(backbone):
        router.fade(0.0)
    return backbone


def plain(backbone: ViT) -> nn.Module:
    network = PlainNetwork(backbone)
    return network.loaded(network.weights)


def test_merging(bench: Bench) -> None:
    experts = MoEfiedLoRA(EXPERTS, RANK, GivenOrder())
    networks = {
        "timm's own": plain(vit(Frozen())),
        "the same again (what noise looks like)": plain(vit(Frozen())),
        "merged": plain(experts.merge(faded(vit(experts)))),
        "before: faded experts, LoRA beside all layers": faded(vit(experts)).model,
    }
    images = torch.rand(BATCH, 3, SIDE, SIDE)
    with torch.inference_mode():
        ratios = bench.time(
            "forward of ViT-S without gradients / timm's own",
            {name: (lambda own=own: own(images)) for name, own in networks.items()},
            ROUNDS,
        )
    assert 1 / CLEARLY < ratios["merged"] < CLEARLY, "a merged network is no plain one"
