"""Quality retaining: what a task has learned is held on to while the others still learn."""

from collections.abc import Callable, Iterator, Mapping
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vtagml.losses.shapes import Ids, Number
from vtagml.losses.unknown import full_precision, known_classes
from vtagml.network import MultitaskNetwork
from vtagml.objectives.around import Around
from vtagml.objectives.logit_bank import FullPrecisionState, LogitBank, MovingAverage, Rows
from vtagml.objectives.objective import Batch, Losses, Term
from vtagml.objectives.sum_of_tasks import SumOfTasks
from vtagml.ranks import sum_of_ranks
from vtagml.tasks import Categorical, Classification, Task

ObjectiveOfTasks = Callable[[Mapping[str, Task]], SumOfTasks]
BankOfClasses = Callable[[int, int], LogitBank]

START = 10.0  # of the running losses, as in the released code
ROWS = 2.0  # The code's queue has two rows of a class; an average counts as both.


def pixel_average(classes: int, channels: int) -> MovingAverage:
    """Builds the bank of dense tasks, whose batches have many labels of a class."""
    return MovingAverage(classes, channels, momentum=0.9)


class RunningLoss(FullPrecisionState):
    """w ← d·w + (1-d)·L with the mean cross-entropy L of the batches that know the task.

    Args:
        decay: d.
    """

    value: Float[Tensor, ""]

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("value", torch.tensor(START))

    def follow(self, total: Tensor, count: Tensor) -> None:
        mean = (total / count.clamp(min=1)).to(self.value)
        moved = self.decay * self.value + (1 - self.decay) * mean
        # A faulty loss would stay in it for good.
        usable = (count.to(mean) > 0) & mean.isfinite()
        self.value.copy_(torch.where(usable, moved, self.value))


class QualityRetaining(Around[SumOfTasks]):
    """Beside the losses of `base`, each task is held to the scores that it gave a class before.

    A bank keeps a row of scores for every class (Eq. 10). With z_s the scores of a label of task t
    and class y, Z_y the bank's row, a constant, and w_t the running cross-entropy of the task,

        (1/w_t) · mean_s 2·T²·KL(softmax(Z_y/T) ‖ softmax(z_s/T))

    is added for each task whose labels are classes (Eq. 11): a task that has learned has a small
    loss, and is held the more. The bank is read before the batch is written to it; w takes the
    batch in first. Means and their counts are those of `base`. Labels are a class per image, or per
    pixel; a class's row is then of the scores of its pixels.

    Under several ranks banks and running losses are of all ranks' labels, so all hold the same.
    Accumulated batches each move them. Scores that are not finite enter neither; a step that
    `SkipFaultySteps` leaves out has moved them by what was finite. Affinities see the gradients of
    these terms with those of the tasks' losses: they are the tasks' own. Weights of tasks, fixed or
    of an affinity, are of their losses alone. `train/<task>/retaining` is the mean without 1/w.

    Note:
        This is the form of the released code, which the paper's numbers come from; the paper's is
        `PrintedRetaining`. The code keeps the last two rows of a class (`LastTwo`); the default is
        its other bank, an average with m = 0.5, which counts twice: it depends on no order within a
        batch. The code leaves open which of several labels of a class it keeps; here the mean, or
        the last. Its bank is in half precision, here in single.

        The code has one mean over the batch of all tasks, for the cross-entropy and for this:
        that is `base: MixedMean`. The default is the paper's sum over tasks of their own means.

        1/w is bounded: the code divides by a loss that may be zero, here by at least `floor`.

        The paper says that dense tasks have a bank of their segmentation, and no more. Here it is
        of the mean scores of a class's pixels in the batch, with m = 0.9, and the mean is over the
        pixels.

    Args:
        tasks: The tasks by name.
        base: The objective whose losses are minimised as well.
        bank: How rows of classes of whole images are kept, made from numbers of classes and scores.
        pixel_bank: Likewise of classes of pixels.
        temperature: T.
        decay: How much of w stays in each batch.
        floor: The smallest w that is divided by.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        base: ObjectiveOfTasks = SumOfTasks,
        bank: BankOfClasses = MovingAverage,
        pixel_bank: BankOfClasses = pixel_average,
        temperature: float = 2.0,
        decay: float = 0.95,
        floor: float = 1e-2,
    ) -> None:
        super().__init__(tasks, base)
        for argument, positive in (("temperature", temperature), ("floor", floor)):
            if not 0 < positive < float("inf"):
                raise ValueError(f"`{argument}` must be a number above 0, found {positive}.")
        if not 0 <= decay < 1:
            raise ValueError(f"`decay` must be at least 0 and below 1, found {decay}.")
        self.temperature, self.floor = temperature, floor
        self.retained = _with_classes(tasks, self.taught)
        kinds = {
            name: bank if isinstance(task, Classification) else pixel_bank
            for name, task in self.retained.items()
        }
        self.banks = nn.ModuleDict(
            {name: kinds[name](each.classes, each.channels) for name, each in self.retained.items()}
        )
        self.running = nn.ModuleDict({name: RunningLoss(decay) for name in self.retained})

    def forward(self, network: MultitaskNetwork, batch: Batch) -> Losses:
        maps = network(batch["image"])
        return Losses(self.base.losses(maps, batch), {"retaining": self.retaining(maps, batch)})

    def retaining(self, maps: Mapping[str, Tensor], batch: Batch) -> Term:
        """The distillation of each task and its weight, 1/w; banks and w take the batch in."""
        self._check_classes()
        self._follow(maps, batch)
        nothing = batch["image"].new_zeros((), dtype=torch.float32)
        sums = torch.stack(
            [
                self._distilled(name, maps[name], batch[name]) if name in self.retained else nothing
                for name in self.tasks
            ]
        )
        means = self.base.means(sums, self.base.pixels(batch), batch)
        return Term(means, self._weights().to(sums))

    def divergence(
        self, teacher: Float[Tensor, "copy label channels"], scores: Rows
    ) -> Float[Tensor, " label"]:
        """How far scores are from what the bank knows. The hook that a sibling overrides."""
        known = (teacher / self.temperature).log_softmax(-1)
        found = (scores / self.temperature).log_softmax(-1)
        apart = (known.exp() * (known - found)).sum(-1).mean(0)
        return ROWS * self.temperature**2 * apart

    def _check_classes(self) -> None:
        for name, task in self.retained.items():
            if task.class_map is not None:
                raise ValueError(
                    f"`tasks` of {type(self).__name__} must be trained in their own classes, found "
                    f"others in the data of {name}: {task.class_map}. Take data with the model's "
                    "classes."
                )

    def _follow(self, maps: Mapping[str, Tensor], batch: Batch) -> None:
        """Lets the running losses take in the cross-entropies of all ranks."""
        with torch.no_grad():
            pairs = [
                torch.stack(task.cross_entropy(maps[name], batch[name]))
                for name, task in self.retained.items()
            ]
        for running, pair in zip(self._running(), sum_of_ranks(torch.stack(pairs)), strict=True):
            running.follow(*pair)

    def _distilled(self, name: str, map: Tensor, target: Ids) -> Number:
        """The sum over a task's known labels; its bank takes them in."""
        bank = cast(LogitBank, self.banks[name])
        labels: Int[Tensor, " label"] = target.flatten().long()
        scores = full_precision(map).movedim(1, -1).flatten(end_dim=-2)
        usable = known_classes(labels) & scores.detach().isfinite().all(1)
        scores = torch.where(usable[:, None], scores, 0.0)
        ids = torch.where(usable, labels, 0)
        apart = self.divergence(bank.read(ids).to(scores), scores)
        bank.write(scores.detach(), ids, usable)
        return torch.where(usable, apart, 0.0).sum()

    def _running(self) -> Iterator[RunningLoss]:
        return (cast(RunningLoss, self.running[name]) for name in self.retained)

    def _weights(self) -> Float[Tensor, " task"]:
        weights = {
            name: 1 / running.value.clamp(min=self.floor)
            for name, running in zip(self.retained, self._running(), strict=True)
        }
        nothing = torch.zeros_like(next(iter(weights.values())))
        return torch.stack([weights.get(name, nothing) for name in self.tasks])


class PrintedRetaining(QualityRetaining):
    """Quality retaining as the paper prints it: KL(softmax(z_s) ‖ softmax(Z_y)) / L_t, Eq. (11).

    T is 1, the average counts once, and L_t is the batch's own cross-entropy.

    Note:
        Eq. (11) sums over a batch's samples what it divides by L_t. Here both are means, which is
        the same if L_t is the sum that the cross-entropy of as many samples is.

    Args:
        tasks: The tasks by name.
        base: The objective whose losses are minimised as well.
        bank: How rows of classes of whole images are kept.
        pixel_bank: Likewise of classes of pixels.
        floor: The smallest L_t that is divided by.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        base: ObjectiveOfTasks = SumOfTasks,
        bank: BankOfClasses = MovingAverage,
        pixel_bank: BankOfClasses = pixel_average,
        floor: float = 1e-2,
    ) -> None:
        super().__init__(tasks, base, bank, pixel_bank, temperature=1.0, decay=0.0, floor=floor)

    def divergence(
        self, teacher: Float[Tensor, "copy label channels"], scores: Rows
    ) -> Float[Tensor, " label"]:
        known, found = teacher.log_softmax(-1), scores.log_softmax(-1)
        return (found.exp() * (found - known)).sum(-1).mean(0)


def _with_classes(tasks: Mapping[str, Task], taught: list[str]) -> dict[str, Categorical]:
    """The tasks whose labels are classes, of those that are taught."""
    found = {
        name: task
        for name, task in tasks.items()
        if name in taught and isinstance(task, Categorical)
    }
    if not found:
        raise ValueError(
            f"`tasks` of quality retaining must have one at least whose labels are classes, found "
            f"{ {name: type(task).__name__ for name, task in tasks.items()} }: use "
            "`vtagml.objectives.SumOfTasks`."
        )
    return found
