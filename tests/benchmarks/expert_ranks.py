"""Are experts of similar channels of lower rank than slices of the channels as they stand?

    python -m tests.benchmarks.expert_ranks data/weights/dinov2_small.safetensors

Writes `experiments/results/experts_dinov2.json` and `experiments/figures/experts_dinov2.png`.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from torch import Tensor

from vtagml.backbone import StagedBackbone, ViT
from vtagml.drawing import expert_norms, to_png
from vtagml.experts import (
    BalancedKMeans,
    Clustering,
    GivenOrder,
    RandomGroups,
    hidden_layers,
    ky_fan_shares,
)
from vtagml.run_folder import to_json, write_whole

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
ARCHITECTURE = "vit_small_patch14_dinov2.lvd142m"
CLUSTERINGS: dict[str, Clustering] = {
    "similar channels": BalancedKMeans(cache=None),
    "slices in the given order": GivenOrder(),
    "random groups": RandomGroups(),
}
EXPERTS = (16, 64)
KEPT = (1, 2, 4, 8, 16)  # k in the file


def measured(
    network: StagedBackbone, clustering: Clustering, experts: int
) -> tuple[list[Tensor], float]:
    """Ky-Fan norms of every block, and how many seconds of a core the clustering takes."""
    start = time.process_time()
    labels = clustering.labels(network, experts)
    seconds = time.process_time() - start
    return [
        ky_fan_shares(hidden_layers(network, place).up.weight, own) for place, own in labels.items()
    ], seconds


def described(shares: list[Tensor], seconds: float) -> dict[str, Any]:
    """Means over a block's experts, block by block."""
    kept = {f"k={k}": [round(float(own[:, k - 1].mean()), 4) for own in shares] for k in KEPT}
    return {"seconds_of_a_core": round(seconds, 2), "mean_share_of_the_norm_by_block": kept}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights")
    network = ViT(ARCHITECTURE, weights=parser.parse_args().weights, patch_size=16)
    found = {
        experts: {name: measured(network, own, experts) for name, own in CLUSTERINGS.items()}
        for experts in EXPERTS
    }
    content: dict[str, Any] = {
        "command": "python -m tests.benchmarks.expert_ranks data/weights/dinov2_small.safetensors",
        "experts": {
            str(experts): {name: described(*own) for name, own in ways.items()}
            for experts, ways in found.items()
        },
    }
    write_whole(EXPERIMENTS / "results" / "experts_dinov2.json", to_json(content))
    shares = {name: own for name, (own, _) in found[EXPERTS[0]].items()}
    figure = expert_norms(shares, title=f"{EXPERTS[0]} experts of a DINOv2-S in each block")
    write_whole(EXPERIMENTS / "figures" / "experts_dinov2.png", to_png(figure))


if __name__ == "__main__":
    main()
