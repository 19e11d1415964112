"""Cross-entropy over known class labels."""

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from vtagml.losses.unknown import UNKNOWN_CLASS, full_precision, known_classes


def cross_entropy(
    map: Float[Tensor, "batch classes *size"], target: Int[Tensor, "batch *size"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The cross-entropy of class scores, summed over known labels; and their number.

    Sec. 4 (segmentation). Takes maps and whole images alike.

    Args:
        map: Unnormalised scores.
        target: Class ids; 255 is unknown.
    """
    # One row per label: CUDA's kernel for maps is not deterministic, the one for rows is.
    rows = full_precision(map).movedim(1, -1).flatten(end_dim=-2)
    labels = target.flatten().long()
    each = functional.cross_entropy(rows, labels, ignore_index=UNKNOWN_CLASS, reduction="none")
    return each.sum(), known_classes(labels).sum().to(each.dtype)
