"""The mean of a quantity over everything that is valid in the dataset."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torchmetrics import Metric


class Pooled(Metric, ABC):
    """A mean over all valid pixels (or images) of the dataset.

    A subclass says in `sums` what a batch adds; the quotient is taken once, at the end.
    """

    is_differentiable = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        zero = torch.zeros((), dtype=torch.float64)
        self.add_state("total", zero, dist_reduce_fx="sum")
        self.add_state("count", zero.clone(), dist_reduce_fx="sum")

    @abstractmethod
    def sums(
        self, prediction: Shaped[Tensor, "batch *size"], target: Shaped[Tensor, "batch *size"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The sum of the quantity over the valid pixels of a batch, and their number."""

    def update(
        self, prediction: Shaped[Tensor, "batch *size"], target: Shaped[Tensor, "batch *size"]
    ) -> None:
        total, count = self.sums(prediction, target)
        self.total += total
        self.count += count

    def compute(self) -> Float[Tensor, ""]:
        return self.total / self.count


def masked_sums(
    quantity: Shaped[Tensor, "*size"], valid: Shaped[Tensor, "*size"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The sum of a quantity where it is valid, and the number of valid entries, in float64."""
    # The selection also removes NaN, which a product with the mask would keep.
    total = torch.where(valid, quantity, 0).sum(dtype=torch.float64)
    return total, valid.sum(dtype=torch.float64)
