"""A task that was never trained: its row of ω is measured, its decoder trains alone."""

from collections.abc import Callable, Sequence

from lightning import Callback

from vtagml.module import (
    MultitaskModule,
    OptimizerOfParameters,
    ScheduleOfSteps,
    adamw,
    default_decoders,
)
from vtagml.network import DecodersOfTasks, EncoderOfTasks
from vtagml.schedule import WarmupCosine
from vtagml.tasks import Task
from vtagml.transfer.known_tasks import KnownTasks
from vtagml.transfer.new_row import NewRow
from vtagml.transfer.tuning import own_modules


class NewTask(MultitaskModule):
    """Adds a task to a network that has learned others, from a few labelled samples.

    All parameters of adapters, embeddings and other decoders stay bit by bit the source's, and so
    do the known tasks' rows of ω and their predictions. The new task's decoder starts fresh and
    trains alone; the stream that it reads is told by ω[new], over the known tasks, what it is.

    Note:
        The paper's abstract claims that affinities generalise to new tasks, and says nothing of
        how. Here the losses of the known tasks are computed on the same few samples, though
        nothing of theirs trains: their gradients at the fork are what the new task's are compared
        with. Compare `MeasuredRow` with `UniformRow` before crediting a result to affinity.

        On a shared decoder only the new head trains, behind a trunk that does not know the task.

    Args:
        tasks: The known tasks, as on the source and in the same order, and the new one.
        encoder: The source's.
        source: The run to start from, which does not know the new task.
        new_task: Name of the new task.
        affinity: `MeasuredRow` or `UniformRow` of the same new task.
        decoders: The source's.
        optimizer: As in the base, like all that follow.
    """

    def __init__(
        self,
        tasks: list[Task],
        encoder: EncoderOfTasks,
        source: KnownTasks,
        new_task: str,
        affinity: Callable[[Sequence[str]], NewRow],
        decoders: DecodersOfTasks = default_decoders,
        optimizer: OptimizerOfParameters = adamw,
        schedule: ScheduleOfSteps = WarmupCosine,
        compile: str | None = None,
        channels_last: bool = False,
    ) -> None:
        super().__init__(
            tasks,
            encoder,
            decoders,
            affinity,
            optimizer,
            schedule,
            compile=compile,
            channels_last=channels_last,
        )
        self.source, self.new_task = source, new_task
        found = getattr(self.network.affinity, "new", None)
        if new_task not in self.task_names or found != new_task:
            raise ValueError(
                f"`new_task` must be one of the `tasks` {self.task_names} and the `new` of the "
                f"affinity, {found!r}; found {new_task!r}. Name the same task in both places."
            )
        self.network.requires_grad_(False)
        for module in own_modules(self.network.decoders, self.task_names, new_task):
            module.requires_grad_(True)

    def configure_callbacks(self) -> Sequence[Callback]:
        return [self.source]
