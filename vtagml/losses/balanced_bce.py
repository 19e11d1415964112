"""Binary cross-entropy of labels whose two sides are not equally frequent."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from vtagml.losses.shapes import Field, Sums
from vtagml.losses.unknown import full_precision, known


def weighted_bce(map: Field, target: Field, share: float | Float[Tensor, "batch 1 1 1"]) -> Sums:
    """Σ share·(-t·log p) + (1 - share)·(-(1 - t)·log(1 - p)) over known pixels; their number.

    The number is that of all known pixels, as in the field's loaders, not the sum of the weights.

    Args:
        map: Unnormalised scores, p = sigmoid(map).
        target: t in [0, 1]; NaN is unknown.
        share: Weight of what is 1; what is 0 has the rest.
    """
    map = full_precision(map)
    valid = known(target)
    truth = torch.where(valid, target, 0.0).to(map.dtype)
    # softplus(-x) = -log sigmoid(x), which stays finite for any map.
    cost = share * truth * functional.softplus(-map)
    cost = cost + (1 - share) * (1 - truth) * functional.softplus(map)
    return torch.where(valid, cost, 0.0).sum(), valid.sum().to(map.dtype)


def balanced_bce(map: Field, target: Field) -> Sums:
    """`weighted_bce` in which both sides of an image weigh alike: share = share of what is 0.

    The saliency loss of Maninis et al., "Attentive Single-Tasking of Multiple Tasks", and of those
    who follow them. A softmax over two channels with the class weights (1 - share, share), as other
    loaders have it, is the same function of the difference of the channels.

    Note:
        The field takes the share of the batch. Here it is that of the image, so that the loss of an
        image does not depend on its company and several ranks agree with one. An image in which
        nothing is 1 therefore costs nothing; in the field it costs as much as the rest of the batch
        lets it.
    """
    valid = known(target)
    zeros = torch.where(valid, 1 - target, 0.0).sum(dim=(1, 2, 3), keepdim=True)
    pixels = valid.sum(dim=(1, 2, 3), keepdim=True)
    return weighted_bce(map, target, (zeros / pixels.clamp(min=1)).float())
