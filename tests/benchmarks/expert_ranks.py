"""Are experts of similar channels of lower rank than slices of the channels as they stand?

    python -m tests.benchmarks.expert_ranks data/weights/dinov2_small.safetensors

Writes `experiments/results/experts_dinov2.json` and `experiments/figures/experts_dinov2.png`.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor

from vtagml.backbone import StagedBackbone, ViT
from vtagml.drawing import to_png
from vtagml.drawing.canvas import DASHES, SMALL, legend_below, line_style, new_figure, tidy
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
BLOCK, RANK = 4, 4  # of the picture, counted from one
WIDTH, HEIGHT = 8.0, 3.4  # Inches.

Shares = Float[Tensor, "expert k"]


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


def expert_norms(shares: Mapping[str, Sequence[Shares]], title: str) -> Figure:
    """Draws Ky-Fan 2-k norms of experts: over k in one block, and over all blocks for one k.

    A line is the mean over a block's experts, its band reaches from the least to the greatest.

    Args:
        shares: By what made the experts, `ky_fan_shares` of each block.
        title: Above both.
    """
    figure = new_figure(WIDTH, HEIGHT, title, arranged=True)
    left, right = figure.subplots(1, 2)
    for index, own in enumerate(shares.values()):
        _band(left, own[BLOCK - 1].T.numpy(), index)
        _band(right, np.stack([each[:, RANK - 1].numpy() for each in own]), index)
    for axes, subject, across in (
        (left, f"block {BLOCK}", "k"),
        (right, f"k = {RANK}", "block"),
    ):
        axes.set_title(f"Ky-Fan 2-k norm of {subject}, % of the whole norm", size=SMALL)
        axes.set_xlabel(across, size=SMALL)
    styles = {name: _style(index) for index, name in enumerate(shares)}
    legend_below(figure, styles, len(styles))
    return figure


def _band(axes: Axes, values: npt.NDArray[np.float64], index: int) -> None:
    """Draws rows over 1, 2, …: the mean of each, from its least to its greatest."""
    style, places = _style(index), np.arange(1, len(values) + 1)
    axes.fill_between(
        places, values.min(1), values.max(1), color=style["color"], alpha=0.15, linewidth=0
    )
    axes.plot(places, values.mean(1), linewidth=1.6, **style)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    tidy(axes)


def _style(index: int) -> dict[str, Any]:
    # Slices and random groups have one course: only a dashed line lets the other be seen.
    return line_style(index) | {"linestyle": DASHES[index % len(DASHES)]}


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
