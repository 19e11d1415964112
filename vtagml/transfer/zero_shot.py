"""Zero-shot task transfer: tuned on a target whose labels lack a task, which is evaluated there."""

from collections.abc import Sequence
from typing import Any

from lightning import Callback

from vtagml.affinity import Uniform
from vtagml.module import (
    MultitaskModule,
    OptimizerOfParameters,
    ScheduleOfSteps,
    adamw,
    default_decoders,
)
from vtagml.network import AffinityOfTasks, DecodersOfTasks, EncoderOfTasks
from vtagml.schedule import WarmupCosine
from vtagml.tasks import Task
from vtagml.transfer.source_weights import SourceWeights
from vtagml.transfer.tuning import Tuning, encoder_and_decoders, restrict


class ZeroShot(MultitaskModule):
    """Goes on from a source that knows all tasks, on a target that has no labels of some (Sec. 4).

    The held-out tasks have no loss: their labels are not looked at even where a batch has them.
    Their decoders are frozen, their streams run as ever, and their metrics are computed in
    validation and test. The data have to withhold the same tasks (`data.withheld`).

    Note:
        The paper says neither what tunes on the target nor what becomes of the affinities. Here
        what trained on the source tunes, but for the held-out tasks' decoders: the point of the
        setting is that adapters which follow the other tasks to the target take the held-out one
        with them, as its embedding is a mixture of theirs. TROA goes on among the seen tasks,
        whose gradients are those of the target; it sees no gradient of a held-out task, so that
        task's similarities and its row of ω stay the source's. The loss weights w_n = Σ_t ω_tn
        still count that row: a source that the held-out task relies on weighs more.

        On a shared decoder only the held-out task's head is its own; the trunk tunes.

    Args:
        tasks: What to predict, the held-out tasks too; as on the source, in the same order.
        encoder: The source's.
        source: The run to start from.
        held_out: Names of the tasks without labels for training.
        decoders: The source's.
        affinity: The source's.
        tune: Which parameters tune: `encoder_and_decoders`, `decoders_only` or
            `norms_and_decoders` of `vtagml.transfer`. Frozen ones stay frozen in any case.
        optimizer: As in the base, like all that follow.
    """

    def __init__(
        self,
        tasks: list[Task],
        encoder: EncoderOfTasks,
        source: SourceWeights,
        held_out: Sequence[str],
        decoders: DecodersOfTasks = default_decoders,
        affinity: AffinityOfTasks = Uniform,
        tune: Tuning = encoder_and_decoders,
        optimizer: OptimizerOfParameters = adamw,
        schedule: ScheduleOfSteps = WarmupCosine,
        encoder_rate: float = 1.0,
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
            encoder_rate,
            compile,
            channels_last,
        )
        self.source = source
        self.held_out = _checked(held_out, self.task_names)
        restrict(self.network, tune, self.task_names, self.held_out)

    @property
    def taught(self) -> list[str]:
        return [name for name in self.task_names if name not in self.held_out]

    def configure_callbacks(self) -> Sequence[Callback]:
        return [self.source]

    def setup(self, stage: str) -> None:
        super().setup(stage)
        if stage != "fit":  # nothing is withheld in an evaluation
            return
        datamodule: Any = getattr(self.trainer, "datamodule", None)
        withheld = getattr(datamodule, "withheld", None)
        if withheld is not None and set(withheld) != set(self.held_out):
            raise ValueError(
                f"`data.withheld` must be the model's `held_out` {self.held_out}, found "
                f"{list(withheld)}. Give both the same tasks: the labels of a held-out task are "
                "not to be read, and no other task can do without its labels."
            )


def _checked(held_out: Sequence[str], tasks: Sequence[str]) -> list[str]:
    known = [name for name in tasks if name in held_out]
    if isinstance(held_out, str) or not known or len(known) != len(held_out) or known == tasks:
        raise ValueError(
            f"`held_out` must be a list of some of the `tasks` {list(tasks)}, not all, found "
            f"{held_out!r}. Without a held-out task use `vtagml.MultitaskModule`."
        )
    return known
