"""A task that was never trained: its row of ω is measured, its decoder trains alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from lightning import LightningModule, Trainer
from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from torch import Tensor

from vtagml.affinity import read_state
from vtagml.module import MultitaskModule
from vtagml.multitask import multitask
from vtagml.of_tasks import keys_of, modules_of
from vtagml.run_folder import RunFolder
from vtagml.transfer.new_row import NewRow
from vtagml.transfer.source_weights import SourceWeights

AFFINITY = "affinity."


class NewTask(SourceWeights):
    """Adds a task to a network that has learned others, from a few labelled samples.

    All parameters of adapters, embeddings and other decoders stay bit by bit the source's, and so
    do the known tasks' rows of ω and their predictions. The new task's decoder starts fresh and
    trains alone; the stream that it reads is told by ω[new], over the known tasks, what it is. The
    affinity, a `NewRow` such as `MeasuredRow`, names the new task and takes the source's ω.

    Note:
        The paper's abstract claims that affinities generalise to new tasks, and says nothing of
        how. Here the losses of the known tasks are computed on the same few samples, though
        nothing of theirs trains: their gradients at the fork are what the new task's are compared
        with. Compare `MeasuredRow` with `UniformRow` before crediting a result to affinity.

        On a shared decoder only the new head trains, behind a trunk that does not know the task.

    Args:
        checkpoint: The source: a checkpoint, or the folder of a run, of which the newest is taken.
    """

    def __init__(self, checkpoint: str | Path) -> None:
        super().__init__(checkpoint)
        self.task = ""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        if stage != "fit":
            return
        module = multitask(pl_module)
        affinity = module.network.affinity
        if not isinstance(affinity, NewRow):
            raise ValueError(
                "`affinity` must be one of `vtagml.transfer` that names the new task, such as "
                f"`MeasuredRow`, found {type(affinity).__name__}."
            )
        self.task = affinity.new
        affinity.start_from(RunFolder.of_checkpoint(self.path).affinity)
        own = modules_of(module.network.decoders, self.task)
        kept = {id(parameter) for room in own for parameter in room.parameters()}
        for parameter in module.network.parameters():
            parameter.requires_grad_(parameter.requires_grad and id(parameter) in kept)

    def read(self) -> dict[str, Any]:
        content, file = super().read(), RunFolder.of_checkpoint(self.path).affinity
        state = cast(Mapping[str, Any], read_state(file)) if file.is_file() else {}
        steps = content.get("global_step"), state.get("step")
        if None not in steps and steps[0] != steps[1]:
            rank_zero_warn(
                f"`{self.path}` is of step {steps[0]} and `{file}` of step {steps[1]}: the known "
                "tasks run by an ω that they were not trained with. Let the source finish, and "
                "give its last checkpoint."
            )
        return content

    def known(self, tasks: list[str]) -> list[str]:
        return [name for name in tasks if name != self.task]

    def adapted(self, found: dict[str, Tensor], module: MultitaskModule) -> dict[str, Tensor]:
        """The source's state; what is the new task's, and the affinity, as they were built."""
        network = module.network
        of_task = keys_of(network, self.task)
        own: dict[str, Any] = network.state_dict()
        kept = {k: v for k, v in own.items() if k.startswith(AFFINITY) or k in of_task}
        return {k: v for k, v in found.items() if not k.startswith(AFFINITY)} | kept
