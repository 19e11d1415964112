"""The valid pixels of a whole optimiser step, known before the backward of its first batch."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Protocol, runtime_checkable

from lightning import Trainer

STEP = "step"
"""Key of a training batch: what is known of the optimiser step that it is a part of."""


@runtime_checkable
class LooksAhead(Protocol):
    """A loader whose batches may be read ahead, as those of `datamodules`."""

    through: Callable[[Iterator[Any], int], Iterator[Any]] | None


def scale(batch: Mapping[str, Any]) -> float:
    """By how much Lightning divides the loss of a batch too much: the last step may be shorter."""
    return batch[STEP]["scale"] if STEP in batch else 1.0


class StepCounts:
    """Lets accumulated batches each know the counts of all batches of their optimiser step.

    A step's loss is Σ_n w_n·(Σ sums_n)/(Σ counts_n) over its batches, which is no mean of the
    batches' own losses where these know different numbers of pixels. The labels alone say the
    counts, so batches are read ahead: with K batches in a step, K and one of them are held in
    memory. For each that is trained on, one of the next step is read, so that workers go on.

    Each batch gets `step`: the `counts` of all, on this rank; the number of `batches`, fewer than K
    at the end of an epoch; and `scale`, which undoes Lightning's division by K there.

    Args:
        trainer: Says how many batches make a step, and when an epoch ends.
        count: The number of valid pixels of each task in a batch.
    """

    def __init__(self, trainer: Trainer, count: Callable[[Mapping[str, Any]], list[float]]) -> None:
        self.trainer = trainer
        self.count = count

    def __call__(self, batches: Iterator[Any], before: int) -> Iterator[Any]:
        """The batches of an epoch, `before` of which are over; each with what it needs to know."""
        size = self.trainer.accumulate_grad_batches
        if size == 1:
            yield from batches
            return
        last = self.trainer.num_training_batches
        batches = islice(batches, int(last) - before) if last < float("inf") else batches
        step = deque(islice(batches, size - before % size))
        while step:
            # Numbers, no tensor: 16-bit precision would round it on its way to the device.
            counts = [sum(each) for each in zip(*map(self.count, step), strict=True)]
            known = {"counts": counts, "batches": len(step), "scale": size / len(step)}
            following: deque[Any] = deque()
            while step:
                following.extend(islice(batches, 1))
                yield step.popleft() | {STEP: known}
            step = following
            step.extend(islice(batches, size - len(step)))
