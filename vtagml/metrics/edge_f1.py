"""F1 of edges: at the best threshold of the dataset, and averaged over edge and not edge."""

from jaxtyping import Float
from torch import Tensor

from vtagml.losses.shapes import Field, Number
from vtagml.losses.unknown import known
from vtagml.metrics.confusions import best_f, confusions, pooled
from vtagml.metrics.pooled import Counted, counts_of

REACHED = tuple(step / 100 for step in range(1, 100))
"""Thresholds of the prediction: 0.01, 0.02, …, 0.99."""


class EdgeF1(Counted):
    """F1 of edges at the one threshold of the prediction that is best for the whole dataset.

    99 thresholds, 0.01 to 0.99, are tried (optimal dataset scale). Pixels are compared in place,
    without the tolerance of the boundary benchmarks. NaN where no valid pixel is an edge.

    Args:
        threshold: Pixels whose target reaches it are edges. The papers give none, so a result has
            to be reported with it.
    """

    higher_is_better = True

    def __init__(self, threshold: float = 0.2) -> None:
        super().__init__(3, len(REACHED))
        self.threshold = check_threshold(threshold)

    def counted(self, prediction: Field, target: Field) -> Float[Tensor, "3 thresholds"]:
        """Edges found, pixels called edges, and edges."""
        edges = target >= self.threshold
        return pooled(confusions(prediction, edges, known(target), REACHED, reaching=True))

    def compute(self) -> Number:
        return best_f(self.counts, 1.0)


class EdgeMacroF1(Counted):
    """The mean of the F1 of edges and the F1 of everything else.

    The form of DenseMTL. Most pixels are no edge and are easy, so it is much higher than the F1 of
    edges alone. A class that neither side has is left out.

    Args:
        threshold: Pixels that reach it are edges, in the prediction and in the target.
    """

    higher_is_better = True

    def __init__(self, threshold: float = 0.2) -> None:
        super().__init__(2, 2)
        self.threshold = check_threshold(threshold)

    def counted(self, prediction: Field, target: Field) -> Float[Tensor, "truth=2 called=2"]:
        """The confusion matrix of edge (1) and not edge (0), both sides cut at the threshold."""
        place = 2 * (target >= self.threshold).long() + (prediction >= self.threshold).long()
        return counts_of(place, known(target), 4).reshape(2, 2).double()

    def compute(self) -> Number:
        f1 = 2 * self.counts.diagonal() / (self.counts.sum(dim=0) + self.counts.sum(dim=1))
        return f1.nanmean()


def check_threshold(threshold: float) -> float:
    """The threshold itself if it lies between 0 and 1."""
    if not 0 < threshold < 1:
        raise ValueError(
            f"`threshold` of the edge metrics must lie between 0 and 1, found {threshold}: "
            "edges are in [0, 1], 0.2 is the default."
        )
    return threshold
