"""A loss for every task that is taught."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from vtagml.network import MultitaskNetwork
from vtagml.objectives.objective import Batch, Losses, Objective, mean_counts
from vtagml.step_counts import STEP
from vtagml.tasks import Task


class SumOfTasks(Objective):
    """Each task's loss is the mean over the valid pixels of all ranks and accumulated batches.

    (Of batches that are accumulated to an optimiser step where the loader can read ahead, as those
    of `datamodules` do; of others each batch is averaged by itself.)
    """

    @property
    def taught(self) -> list[str]:
        return list(self.tasks)

    def forward(self, network: MultitaskNetwork, batch: Batch) -> Losses:
        return Losses(self.losses(network(batch["image"]), batch))

    def losses(self, maps: Mapping[str, Tensor], batch: Batch) -> Float[Tensor, " task"]:
        """Loss of each task."""
        taught = self.taught
        absent = [name for name in taught if name not in batch]
        if absent:
            raise ValueError(
                f"Every training batch must have each of the `tasks` {taught}, found "
                f"none of {absent}. Mark unknown labels by NaN (255 for classes), or drop the task."
            )
        nothing = batch["image"].new_zeros((), dtype=torch.float32)
        pairs = [
            self._loss(task, maps, batch[name]) if name in taught else (nothing, nothing)
            for name, task in self.tasks.items()
        ]
        sums = torch.stack([sum for sum, _ in pairs])
        return self.means(sums, torch.stack([count for _, count in pairs]), batch)

    def means(
        self, sums: Float[Tensor, " task"], counts: Shaped[Tensor, " task"], batch: Batch
    ) -> Float[Tensor, " task"]:
        """What is summed over a batch, as a mean over all ranks and accumulated batches."""
        counts = counts.to(sums)
        if STEP in batch:
            counts = sums.new_tensor(batch[STEP]["counts"]) / batch[STEP]["batches"]
        divisors = self.divisors(mean_counts(counts))
        # Below one valid pixel there is nothing to average; the sum is an exact zero then.
        return sums / divisors.clamp(min=torch.finfo(sums.dtype).tiny)

    def divisors(self, counts: Float[Tensor, " task"]) -> Float[Tensor, " task"]:
        """By how much each task's sum is divided. The hook that a sibling overrides."""
        return counts

    def _loss(self, task: Task, maps: Mapping[str, Tensor], label: Tensor) -> tuple[Tensor, Tensor]:
        """Sum and count of a task's loss, in training also of the maps on the way to its own."""
        sum, count = task.loss(maps[task.name], label)
        for name, map in maps.items():
            if name.startswith(f"{task.name}/"):
                sum = sum + task.loss(map, label)[0]
        return sum, count

    def counts(self, batch: Mapping[str, Any]) -> list[float]:
        names = set(self.taught) & batch.keys()
        return [
            float(task.count(batch[name])) if name in names else 0.0
            for name, task in self.tasks.items()
        ]


class HeldOut(SumOfTasks):
    """The tasks but some, whose labels are not looked at even where a batch has them.

    What belongs to a held-out task alone is frozen, its stream runs as ever, and its metrics are
    computed in validation and test. The data have to withhold the same tasks (`data.withheld`).

    Args:
        tasks: All tasks.
        held_out: Names of the tasks without labels for training.
    """

    def __init__(self, tasks: Mapping[str, Task], held_out: Sequence[str]) -> None:
        super().__init__(tasks)
        self.held_out = [name for name in tasks if name in held_out]
        if (
            isinstance(held_out, str)
            or not 0 < len(held_out) < len(tasks)
            or len(self.held_out) != len(held_out)
        ):
            raise ValueError(
                f"`held_out` must be a list of some of the `tasks` {list(tasks)}, not all, found "
                f"{held_out!r}. Without a held-out task use `vtagml.objectives.SumOfTasks`."
            )

    @property
    def taught(self) -> list[str]:
        return [name for name in self.tasks if name not in self.held_out]


class MixedMean(SumOfTasks):
    """One mean over the known labels of all tasks, to which each task's loss is its share.

    For samples that each know one task, as a mixture of datasets has them: every sample counts the
    same, and a task by how often it occurs in the batch. The sum over tasks of their own means
    (`SumOfTasks`) gives a task's only sample of a batch the weight of all others' many.
    """

    def divisors(self, counts: Float[Tensor, " task"]) -> Float[Tensor, " task"]:
        return counts.sum().expand_as(counts)
