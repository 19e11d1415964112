"""The absolute difference over known pixels."""

import torch

from vtagml.losses.shapes import Maps, Sums
from vtagml.losses.unknown import full_precision, known


def masked_l1(prediction: Maps, target: Maps) -> Sums:
    """The absolute difference, averaged over channels, summed over valid pixels; their number.

    Sec. 4 (surface normals and edges). A pixel is valid when all channels of its target are
    finite. The number counts pixels, not channels, so the sum is divided by the channels.
    """
    prediction = full_precision(prediction)
    valid = known(target)
    # Both sides are masked before the difference: afterwards, zero times NaN would be NaN.
    difference = torch.where(valid, prediction, 0.0) - torch.where(valid, target, 0.0)
    return difference.abs().mean(dim=1).sum(), valid.sum().to(difference.dtype)
