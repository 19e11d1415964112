"""A loss for every task that is taught."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Float64, Shaped
from torch import Tensor

from vtagml.affinity.gram import exact_device
from vtagml.decoders import LossOfMaps
from vtagml.losses.shapes import Number
from vtagml.network import MultitaskNetwork
from vtagml.objectives.objective import Batch, Losses, Objective
from vtagml.ranks import mean_of_ranks
from vtagml.step_counts import STEP
from vtagml.tasks import Task

TINY = torch.finfo(torch.float32).tiny


class SumOfTasks(Objective):
    """Each task's loss is the mean over the valid pixels of all ranks and accumulated batches.

    (Of batches that are accumulated to an optimiser step where the loader can read ahead, as those
    of `datamodules` do; of others each batch is averaged by itself.)
    """

    @property
    def taught(self) -> list[str]:
        return list(self.tasks)

    def forward(self, network: MultitaskNetwork, batch: Batch) -> Losses:
        found = network(batch["image"], losses=self.of_maps(batch))
        return Losses(self._in_order(found, batch))

    def losses(self, maps: Mapping[str, Tensor], batch: Batch) -> Float[Tensor, " task"]:
        """Loss of each task."""
        found = {name: of_task(maps) for name, of_task in self.of_maps(batch).items()}
        return self._in_order(found, batch)

    def of_maps(self, batch: Batch) -> dict[str, LossOfMaps]:
        """What makes a loss of a task's maps, for each that is taught."""
        absent = [name for name in self.taught if name not in batch]
        if absent:
            raise ValueError(
                f"Every training batch must have each of the `tasks` {self.taught}, found "
                f"none of {absent}. Mark unknown labels by NaN (255 for classes), or drop the task."
            )
        divisors = dict(zip(self.tasks, self._divisors(self.pixels(batch), batch), strict=True))
        return {
            name: partial(self._loss, self.tasks[name], batch[name], divisors[name])
            for name in self.taught
        }

    def pixels(self, batch: Batch) -> Float64[Tensor, " task"]:
        """How many valid pixels each task has in a batch; in float64, whatever maps come in."""
        device = exact_device(batch["image"].device)
        nothing = torch.zeros((), dtype=torch.float64, device=device)
        taught = self.taught
        return torch.stack(
            [
                task.count(batch[name]).to(nothing) if name in taught else nothing
                for name, task in self.tasks.items()
            ]
        )

    def means(
        self, sums: Float[Tensor, " task"], counts: Shaped[Tensor, " task"], batch: Batch
    ) -> Float[Tensor, " task"]:
        """What is summed over a batch, as a mean over all ranks and accumulated batches."""
        return sums / self._divisors(counts.to(sums), batch)

    def divisors(self, counts: Float[Tensor, " task"]) -> Float[Tensor, " task"]:
        """By how much each task's sum is divided. The hook that a sibling overrides."""
        return counts

    def _divisors(self, counts: Float[Tensor, " task"], batch: Batch) -> Float[Tensor, " task"]:
        if STEP in batch:
            counts = counts.new_tensor(batch[STEP]["counts"]) / batch[STEP]["batches"]
        # DistributedDataParallel averages the ranks' gradients: where every sum is divided by the
        # mean count of a rank, the average is the gradient of one process. Below one valid pixel
        # there is nothing to average; the sum is an exact zero then.
        return self.divisors(mean_of_ranks(counts)).clamp(min=TINY)

    def _loss(
        self, task: Task, label: Tensor, divisor: Number, maps: Mapping[str, Tensor]
    ) -> Number:
        """Mean of a task's loss, in training with those of the maps on the way to its own."""
        sum, _ = task.loss(maps[task.name], label)
        for name, map in maps.items():
            if name.startswith(f"{task.name}/"):
                sum = sum + task.loss(map, label)[0]
        return sum / divisor.to(sum)

    def _in_order(self, found: Mapping[str, Tensor], batch: Batch) -> Float[Tensor, " task"]:
        image = batch["image"]
        nothing = image.new_zeros((), dtype=torch.promote_types(image.dtype, torch.float32))
        return torch.stack([found.get(name, nothing) for name in self.tasks])

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
