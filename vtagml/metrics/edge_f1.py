"""F1 of edges: at the best threshold of the dataset, and averaged over edge and not edge."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchmetrics import Metric

from vtagml.losses.unknown import known

STEPS = 99
"""Number of thresholds of the prediction: 0.01, 0.02, …, 0.99."""


def count_by_threshold(
    prediction: Float[Tensor, "batch 1 height width"],
    target: Float[Tensor, "batch 1 height width"],
    threshold: float,
) -> Float[Tensor, "2 bins"]:
    """How many pixels that are no edge (row 0) and edges (row 1) reach how many thresholds."""
    thresholds = torch.arange(1, STEPS + 1, device=prediction.device) / (STEPS + 1)
    reached = torch.bucketize(prediction.float().contiguous(), thresholds, right=True)
    bins = STEPS + 1
    place = torch.where(target >= threshold, bins, 0) + reached
    return _count(place, known(target), 2 * bins).reshape(2, bins)


def best_f1(counts: Float[Tensor, "2 bins"]) -> Float[Tensor, ""]:
    """The largest F1 over the thresholds; NaN where no valid pixel is an edge."""
    # A pixel that reaches n thresholds is called an edge at the first n of them.
    called = counts.sum(dim=1, keepdim=True) - counts.cumsum(dim=1)
    false_positive, true_positive = called[:, :STEPS]
    edges = counts[1].sum()
    # Edges are the true positives and the false negatives: 2 TP + FP + FN = TP + FP + edges.
    f1 = 2 * true_positive / (true_positive + false_positive + edges)
    return torch.where(edges > 0, f1.max(), torch.nan)


def count_pairs(
    prediction: Float[Tensor, "batch 1 height width"],
    target: Float[Tensor, "batch 1 height width"],
    threshold: float,
) -> Float[Tensor, "truth=2 called=2"]:
    """The confusion matrix of edge (1) and not edge (0), both sides cut at the threshold."""
    place = 2 * (target >= threshold).long() + (prediction >= threshold).long()
    return _count(place, known(target), 4).reshape(2, 2)


def macro_f1(counts: Float[Tensor, "truth=2 called=2"]) -> Float[Tensor, ""]:
    """The mean F1 of edge and not edge; a class that neither side has is left out."""
    f1 = 2 * counts.diagonal() / (counts.sum(dim=0) + counts.sum(dim=1))
    return f1.nanmean()


class EdgeF1(Metric):
    """F1 of edges at the one threshold of the prediction that is best for the whole dataset.

    99 thresholds, 0.01 to 0.99, are tried (optimal dataset scale). Pixels are compared in place,
    without the tolerance of the boundary benchmarks.

    Args:
        threshold: Pixels whose target reaches it are edges. The papers give none, so a result has
            to be reported with it.
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True
    counts: Tensor

    def __init__(self, threshold: float = 0.2) -> None:
        super().__init__()
        self.threshold = check_threshold(threshold)
        zeros = torch.zeros(2, STEPS + 1, dtype=torch.float64)
        self.add_state("counts", zeros, dist_reduce_fx="sum")

    def update(
        self,
        prediction: Float[Tensor, "batch 1 height width"],
        target: Float[Tensor, "batch 1 height width"],
    ) -> None:
        self.counts += count_by_threshold(prediction, target, self.threshold)

    def compute(self) -> Float[Tensor, ""]:
        return best_f1(self.counts)


class EdgeMacroF1(Metric):
    """The mean of the F1 of edges and the F1 of everything else.

    The form of DenseMTL. Most pixels are no edge and are easy, so it is much higher than the F1 of
    edges alone.

    Args:
        threshold: Pixels that reach it are edges, in the prediction and in the target.
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True
    counts: Tensor

    def __init__(self, threshold: float = 0.2) -> None:
        super().__init__()
        self.threshold = check_threshold(threshold)
        self.add_state("counts", torch.zeros(2, 2, dtype=torch.float64), dist_reduce_fx="sum")

    def update(
        self,
        prediction: Float[Tensor, "batch 1 height width"],
        target: Float[Tensor, "batch 1 height width"],
    ) -> None:
        self.counts += count_pairs(prediction, target, self.threshold)

    def compute(self) -> Float[Tensor, ""]:
        return macro_f1(self.counts)


def check_threshold(threshold: float) -> float:
    """The threshold itself if it lies between 0 and 1."""
    if not 0 < threshold < 1:
        raise ValueError(
            f"`threshold` of the edge metrics must lie between 0 and 1, found {threshold}: "
            "edges are in [0, 1], 0.2 is the default."
        )
    return threshold


def _count(
    place: Tensor, valid: Bool[Tensor, "batch 1 height width"], places: int
) -> Float[Tensor, "places"]:
    # The additional last place takes the invalid pixels.
    place = torch.where(valid, place, places).flatten()
    return torch.bincount(place, minlength=places + 1)[:places].double()
