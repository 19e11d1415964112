"""The network of a source that does not know one of the tasks."""

from typing import Any, cast

from lightning import LightningModule
from torch import Tensor

from vtagml.transfer.source_weights import SourceWeights

AFFINITY = "affinity."


class KnownTasks(SourceWeights):
    """Starts a fit from a source with all tasks but the module's `new_task`.

    What belongs to the new task alone stays as it was built, and so does the affinity, which is
    told of the source's ω by its own setting. Parameters with a row for every task, as the task
    embeddings, get those of the known tasks; the new one's row is of no use, since ω has no column
    for it.

    Args:
        checkpoint: A checkpoint, or the folder of a run, of which the newest is taken.
    """

    def adapted(self, found: dict[str, Tensor], module: LightningModule) -> dict[str, Tensor]:
        tasks, new = list(cast(Any, module).tasks), cast(Any, module).new_task
        known = [index for index, name in enumerate(tasks) if name != new]
        own: dict[str, Tensor] = cast(Any, module).network.state_dict()
        kept = {
            key: value
            for key, value in own.items()
            if key.startswith(AFFINITY) or new in key.split(".")
        }
        brought = {key: value for key, value in found.items() if not key.startswith(AFFINITY)}
        for key, value in brought.items():
            # A task's own parameters may happen to have as many rows as there are tasks.
            if key in own and not set(key.split(".")) & set(tasks):
                brought[key] = _with_a_row_more(value, own[key], known)
        return kept | brought


def _with_a_row_more(value: Tensor, own: Tensor, known: list[int]) -> Tensor:
    grows = value.ndim > 0 and len(value) == len(known) and len(own) == len(known) + 1
    if not grows or value.shape[1:] != own.shape[1:]:
        return value
    grown = own.clone()
    grown[known] = value.to(grown)
    return grown
