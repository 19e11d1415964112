"""How much of an expert's weights its largest singular values hold."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def ky_fan_shares(
    weight: Float[Tensor, "channel dimension"], labels: Int64[Tensor, " channel"]
) -> Float[Tensor, "expert k"]:
    """Returns the Ky-Fan 2-k norm of every expert, k = 1, 2, …, as a share of the Frobenius norm.

    The norm is √(σ₁² + … + σ_k²), with the singular values of the rows that belong to the expert,
    largest first. A share of one at k says that the expert's rank is k.

    Args:
        weight: Of the layer in front of the hidden channels.
        labels: Which expert each channel belongs to.
    """
    order = labels.argsort(stable=True)
    experts = weight.detach()[order].unflatten(0, (int(labels.max()) + 1, -1))
    squares = torch.linalg.svdvals(experts.double()).square()
    return (squares.cumsum(-1) / squares.sum(-1, keepdim=True)).sqrt()
