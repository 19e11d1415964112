"""Banks: the scores that a network gave each class, kept as its own teacher."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
import torch.distributed
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import one_hot

from vtagml.affinity.gram import exact_device
from vtagml.ranks import distributed, sum_of_ranks

LABELS_AT_ONCE = 2**14  # Of a map's pixels; their classes are written out as ones and zeros.

Rows = Float[Tensor, "label channels"]
Places = Int[Tensor, " label"]
Known = Bool[Tensor, " label"]


class FullPrecisionState(nn.Module):
    """A module whose buffers follow the network to its device, but not to half precision.

    A mean that moves by a twentieth of what is new stands still in bfloat16.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "FullPrecisionState":
        before = dict(self.named_buffers(recurse=False))
        super()._apply(fn, recurse)
        for name, buffer in before.items():
            moved = self.get_buffer(name)
            kept = torch.promote_types(moved.dtype, torch.float32)
            setattr(self, name, buffer.to(moved.device, kept))
        return self


class LogitBank(FullPrecisionState, ABC):
    """One or more rows of scores for each class, zero until the class is seen.

    All ranks hold the same rows: what is written is of all ranks' labels, once per batch, so with
    accumulated batches several times in an optimiser step.

    Args:
        classes: Number of classes.
        channels: Number of scores.
        copies: Rows of a class.
    """

    rows: Float[Tensor, "copy classes channels"]

    def __init__(self, classes: int, channels: int, copies: int) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(copies, classes, channels))

    @property
    def classes(self) -> int:
        return self.rows.shape[1]

    def read(self, ids: Places) -> Float[Tensor, "copy label channels"]:
        """The rows of some classes, which a later `write` leaves as they are."""
        return self.rows[:, ids]

    @abstractmethod
    def write(self, scores: Rows, ids: Places, known: Known) -> None:
        """Takes in a batch.

        Args:
            scores: Of every label, finite.
            ids: Its class.
            known: Whether it has one.
        """


class MovingAverage(LogitBank):
    """Z_y ← m·Z_y + (1-m)·z, Eq. (10), with the mean z of a class's scores in the batch.

    Args:
        classes: Number of classes.
        channels: Number of scores.
        momentum: m. The paper does not say its own; 0.5 is the released code's.
    """

    def __init__(self, classes: int, channels: int, momentum: float = 0.5) -> None:
        super().__init__(classes, channels, copies=1)
        if not 0 <= momentum < 1:
            raise ValueError(f"`momentum` must be at least 0 and below 1, found {momentum}.")
        self.momentum = momentum

    @torch.no_grad()
    def write(self, scores: Rows, ids: Places, known: Known) -> None:
        sums, counts = sum_of_ranks(self._sums(scores, ids, known)).split([scores.shape[1], 1], 1)
        mean = (sums / counts.clamp(min=1)).to(self.rows)
        moved = self.momentum * self.rows + (1 - self.momentum) * mean
        self.rows.copy_(torch.where(counts.to(self.rows.device) > 0, moved, self.rows))

    def _sums(
        self, scores: Rows, ids: Places, known: Known
    ) -> Float[Tensor, "classes channels_and_count"]:
        """The sum of each class's scores, and how many there are.

        By products, for sums at scattered places have another order in every run on a GPU; in
        float64, so that the order in which ranks are added hardly matters either.
        """
        device = exact_device(scores.device)
        total = torch.zeros((self.classes, scores.shape[1] + 1), dtype=torch.float64, device=device)
        place = torch.where(known, ids, self.classes)
        for part, of in zip(scores.split(LABELS_AT_ONCE), place.split(LABELS_AT_ONCE), strict=True):
            of_class = one_hot(of, self.classes + 1)[:, : self.classes].to(device).double()
            part = part.to(device).double()
            total += of_class.T @ torch.cat([part, torch.ones_like(part[:, :1])], dim=1)
        return total


class LastTwo(LogitBank):
    """The last two rows of scores of each class, the newest first: the code's queue.

    Of a class that a batch has several times the last one is kept, in the order in which the
    batches of all ranks are one larger batch: each rank takes every n-th sample, as the loaders of
    `datamodules` do. It is of whole images; of a map's pixels the last would be one at the border.

    Args:
        classes: Number of classes.
        channels: Number of scores.
    """

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__(classes, channels, copies=2)

    @torch.no_grad()
    def write(self, scores: Rows, ids: Places, known: Known) -> None:
        nowhere = ids.new_full((self.classes + 1,), -1)
        own = torch.arange(len(ids), device=ids.device, dtype=ids.dtype)
        place = torch.where(known, ids, self.classes)
        last = nowhere.scatter_reduce(0, place, own, "amax")[: self.classes]
        seen, mine = _latest(last)
        # An additional row, for a rank may have no sample at all.
        padded = torch.cat([scores, torch.zeros_like(self.rows[0, :1])]).to(self.rows)
        newest = sum_of_ranks(torch.where(mine[:, None], padded[last], 0.0))
        pushed = torch.stack([newest, self.rows[0]])
        self.rows.copy_(torch.where(seen[:, None], pushed, self.rows))


def _latest(last: Int[Tensor, " classes"]) -> tuple[Bool[Tensor, " classes"], ...]:
    """Whether any rank has a class, and whether this one has its last sample.

    Args:
        last: Place of each class's last sample in this rank's batch, -1 without one.
    """
    if not distributed():
        return last >= 0, last >= 0
    ranks, rank = torch.distributed.get_world_size(), torch.distributed.get_rank()
    order = torch.where(last >= 0, last * ranks + rank, -1)
    everyone = [torch.empty_like(order) for _ in range(ranks)]
    torch.distributed.all_gather(everyone, order)
    latest = torch.stack(everyone).amax(0)
    return latest >= 0, (latest >= 0) & (order == latest)
