"""A task that was never trained: its row of ω is measured, its decoder trains alone."""

from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from torch import Tensor

from vtagml.module import MultitaskModule
from vtagml.multitask import multitask
from vtagml.of_tasks import keys_of, modules_of
from vtagml.transfer.new_row import NewRow
from vtagml.transfer.source_weights import SourceWeights
from vtagml.transfer.tune_only import restrict

AFFINITY = "affinity."


class NewTask(SourceWeights):
    """Adds a task to a network that has learned others, from a few labelled samples.

    All parameters of adapters, embeddings and other decoders stay bit by bit the source's, and so
    do the known tasks' rows of ω and their predictions. The new task's decoder starts fresh and
    trains alone; the stream that it reads is told by ω[new], over the known tasks, what it is. The
    affinity is told of the source's ω by its own setting; it is a `MeasuredRow` or `UniformRow`.

    Note:
        The paper's abstract claims that affinities generalise to new tasks, and says nothing of
        how. Here the losses of the known tasks are computed on the same few samples, though
        nothing of theirs trains: their gradients at the fork are what the new task's are compared
        with. Compare `MeasuredRow` with `UniformRow` before crediting a result to affinity.

        On a shared decoder only the new head trains, behind a trunk that does not know the task.

    Args:
        checkpoint: The source: a checkpoint, or the folder of a run, of which the newest is taken.
        task: Name of the new task, one of the module's and none of the source's.
    """

    def __init__(self, checkpoint: str | Path, task: str) -> None:
        super().__init__(checkpoint)
        self.task = task

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        if stage != "fit":
            return
        module = multitask(pl_module)
        affinity = module.network.affinity
        row = affinity.new if isinstance(affinity, NewRow) else None
        if self.task not in module.task_names or row != self.task:
            raise ValueError(
                f"`task` must be one of the `tasks` {module.task_names} and the `new` of the "
                f"affinity, {row!r}; found {self.task!r}. Name the same task in both places."
            )
        own = modules_of(module.network.decoders, self.task)
        restrict(module.network, [each for room in own for each in room.parameters()])

    def known(self, tasks: list[str]) -> list[str]:
        return [name for name in tasks if name != self.task]

    def adapted(self, found: dict[str, Tensor], module: MultitaskModule) -> dict[str, Tensor]:
        """The source's state; what is the new task's, and the affinity, as they were built."""
        network = module.network
        of_task = keys_of(network, self.task)
        own: dict[str, Any] = network.state_dict()
        kept = {k: v for k, v in own.items() if k.startswith(AFFINITY) or k in of_task}
        return {k: v for k, v in found.items() if not k.startswith(AFFINITY)} | kept
