"""Which labels are known."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vtagml.losses.shapes import Maps, Where

UNKNOWN_CLASS = 255
"""The class id of pixels and images without a label."""


def known(target: Maps) -> Where:
    """Where a continuous label is known: finite in all its channels."""
    return target.isfinite().all(dim=1, keepdim=True)


def known_classes(target: Int[Tensor, "*size"]) -> Bool[Tensor, "*size"]:
    """Where a class label is known."""
    return target != UNKNOWN_CLASS


def full_precision(map: Float[Tensor, "*size"]) -> Float[Tensor, "*size"]:
    """The map in float32 if it came in half precision; float64 stays.

    Sums over a million pixels and differences of near numbers need more than 8 or 11 bits.
    """
    return map.to(torch.promote_types(map.dtype, torch.float32))
