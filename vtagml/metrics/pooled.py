"""What is pooled over everything that is valid in the dataset: a mean, or counts."""

from abc import ABC, abstractmethod
from typing import TypeAlias

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torchmetrics import Metric

from vtagml.losses.shapes import Number, Sums

Values: TypeAlias = Shaped[Tensor, "batch *size"]


class Counted(Metric, ABC):
    """A metric of counts, or sums, over the whole dataset.

    A subclass says in `counted` what a batch adds, and in `compute` what follows from all of them.

    Args:
        shape: Of the counts.
    """

    is_differentiable = False
    full_state_update = False
    counts: Tensor

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")

    @abstractmethod
    def counted(self, prediction: Values, target: Values) -> Shaped[Tensor, "..."]:
        """The counts of a batch."""

    def update(self, prediction: Values, target: Values) -> None:
        self.counts += self.counted(prediction, target)


class Pooled(Counted):
    """A mean over all valid pixels (or images) of the dataset.

    A subclass says in `sums` what a batch adds; the quotient is taken once, at the end.
    """

    def __init__(self) -> None:
        super().__init__(2)

    @abstractmethod
    def sums(self, prediction: Values, target: Values) -> Sums:
        """The sum of the quantity over the valid pixels of a batch, and their number."""

    def counted(self, prediction: Values, target: Values) -> Float[Tensor, "2"]:
        return torch.stack(self.sums(prediction, target))

    def compute(self) -> Number:
        return self.counts[0] / self.counts[1]


def counts_of(
    place: Shaped[Tensor, "*size"], valid: Shaped[Tensor, "*size"], places: int
) -> Shaped[Tensor, "places"]:
    """How many valid entries are in each place."""
    # The additional last place takes the invalid ones.
    place = torch.where(valid, place, places).flatten()
    return torch.bincount(place, minlength=places + 1)[:places]


def masked_sums(quantity: Shaped[Tensor, "*size"], valid: Shaped[Tensor, "*size"]) -> Sums:
    """The sum of a quantity where it is valid, and the number of valid entries, in float64."""
    # The selection also removes NaN, which a product with the mask would keep.
    total = torch.where(valid, quantity, 0).sum(dtype=torch.float64)
    return total, valid.sum(dtype=torch.float64)
