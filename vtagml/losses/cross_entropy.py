"""Cross-entropy over known class labels."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from vtagml.losses.shapes import Ids, Sums
from vtagml.losses.unknown import UNKNOWN_CLASS, full_precision, known_classes


def cross_entropy(
    map: Float[Tensor, "batch classes *size"], target: Ids, smoothing: float = 0.0
) -> Sums:
    """The cross-entropy of class scores, summed over known labels; and their number.

    Sec. 4 (segmentation). Takes maps and whole images alike.

    Args:
        map: Unnormalised scores.
        target: Class ids; 255 is unknown.
        smoothing: Share of the target that is spread evenly over all classes.
    """
    scores, labels = full_precision(map), target.long()
    if scores.is_cuda:  # whose kernel for maps is not deterministic; on a CPU rows take far longer
        scores, labels = scores.movedim(1, -1).flatten(end_dim=-2), labels.flatten()
    losses = functional.cross_entropy(
        scores,
        labels,
        ignore_index=UNKNOWN_CLASS,
        reduction="none",
        label_smoothing=smoothing,
    )
    return losses.sum(), known_classes(labels).sum().to(losses.dtype)
