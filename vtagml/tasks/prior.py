"""Predictions that never look at the image."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional

from vtagml.losses.unknown import UNKNOWN_CLASS, known, known_classes


class Prior(ABC):
    """The best prediction that never looks at the image, learned from labels alone.

    Whatever a network scores has to be compared with it: a constant map is hard to beat on a
    dataset whose images all look alike.
    """

    @abstractmethod
    def update(self, target: Shaped[Tensor, "batch *size"]) -> None:
        """Adds the labels of one batch, all of one size; unknown pixels do not count."""

    @abstractmethod
    def compute(self) -> Shaped[Tensor, "*size"]:
        """The prediction, without batch axis, at the size of the labels."""


class MeanPrior(Prior):
    """The mean label of every pixel; one that was never labelled gets the mean of all pixels."""

    def __init__(self) -> None:
        # Of the labels' size, and on their device, from the first batch on.
        self._total = self._count = torch.zeros((), dtype=torch.float64)

    def update(self, target: Float[Tensor, "batch channels height width"]) -> None:
        valid = known(target)
        self._total = self._total + torch.where(valid, target, 0.0).sum(dim=0, dtype=torch.float64)
        self._count = self._count + valid.sum(dim=0)

    def compute(self) -> Float[Tensor, "channels height width"]:
        if not self._count.any():
            raise _no_label()
        everywhere = self._total.sum(dim=(1, 2), keepdim=True) / self._count.sum()
        mean = torch.where(self._count > 0, self._total / self._count, everywhere)
        return mean.float()


class MeanDirectionPrior(MeanPrior):
    """The mean label of every pixel, scaled to unit length."""

    def compute(self) -> Float[Tensor, "channels height width"]:
        return functional.normalize(super().compute(), dim=0)


class MajorityPrior(Prior):
    """The most frequent class of every pixel; one that was never labelled gets that of all pixels.

    Takes maps of class ids [batch, height, width] and ids of whole images [batch] alike.
    """

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self._counts: Tensor | None = None

    def update(self, target: Int[Tensor, "batch *size"]) -> None:
        if self._counts is None:
            # The additional last row takes the unknown pixels.
            rows = (self.classes + 1, *target.shape[1:])
            self._counts = torch.zeros(rows, dtype=torch.int32, device=target.device)
        row = torch.where(known_classes(target), target, self.classes).long()
        self._counts.scatter_add_(0, row, torch.ones_like(row, dtype=torch.int32))

    def compute(self) -> Int[Tensor, "*size"]:
        if self._counts is None or not self._counts[: self.classes].any():
            raise _no_label()
        counts = self._counts[: self.classes]
        everywhere = counts.reshape(self.classes, -1).sum(dim=1).argmax()
        return torch.where(counts.sum(dim=0) > 0, counts.argmax(dim=0), everywhere)


def _no_label() -> ValueError:
    return ValueError(
        "A prior needs at least one known label, but `update` was never called or saw only "
        f"unknown labels (NaN, {UNKNOWN_CLASS}): check that the training split has labels."
    )
