"""What is called so, and what is so, at every threshold; F_β at the best of them."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vtagml.losses.shapes import Field, Number
from vtagml.metrics.pooled import counts_of

Counts = Float[Tensor, "batch thresholds"]
Confusions = tuple[Counts, Counts, Float[Tensor, "batch 1"]]
Mask = Bool[Tensor, "batch 1 height width"]


def confusions(
    prediction: Field,
    positive: Mask,
    valid: Mask,
    thresholds: tuple[float, ...],
    reaching: bool,
) -> Confusions:
    """Of each image: pixels called positive that are, all that are called so, all that are.

    Args:
        prediction: How positive each pixel is, in [0, 1].
        positive: Which pixels are.
        valid: Which pixels count.
        thresholds: From which on a pixel is called positive; rising.
        reaching: Whether a pixel on a threshold is; otherwise only those above.
    """
    edges = torch.tensor(thresholds, dtype=torch.float32, device=prediction.device)
    passed = torch.bucketize(prediction.float().contiguous(), edges, right=reaching)
    images, bins = len(prediction), len(thresholds) + 1
    place = torch.where(positive, bins, 0) + passed
    place = place + 2 * bins * torch.arange(images, device=place.device)[:, None, None, None]
    counts = counts_of(place, valid, images * 2 * bins).double()
    # A pixel that passes n thresholds is called positive at the first n of them.
    called = counts.reshape(images, 2, bins).flip(-1).cumsum(dim=-1).flip(-1)
    return called[:, 1, 1:], called[:, :, 1:].sum(dim=1), called[:, 1, :1]


def pooled(found: Confusions) -> Float[Tensor, "3 thresholds"]:
    """The same of all images together."""
    hits, called, positive = found
    rows = (hits, called, positive.expand_as(hits))
    return torch.stack([row.sum(dim=0) for row in rows])


def best_f(counts: Float[Tensor, "3 thresholds"], beta_square: float) -> Number:
    """F = (1 + β²)PR / (β²P + R) at the best threshold; NaN where no pixel is positive."""
    hits, called, positive = counts
    # P = hits / called and R = hits / positive; hits cancel.
    f = (1 + beta_square) * hits / (beta_square * positive + called)
    return torch.where(positive[0] > 0, f.max(), torch.nan)
