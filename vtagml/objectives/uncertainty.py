"""The tasks' noise, learned beside the network, as their weights."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from vtagml.network import MultitaskNetwork
from vtagml.objectives.around import Around
from vtagml.objectives.objective import Batch, Losses, Objective, Term
from vtagml.objectives.sum_of_tasks import SumOfTasks
from vtagml.of_tasks import RowsOfTasks
from vtagml.ranks import mean_of_ranks
from vtagml.step_counts import STEP
from vtagml.tasks import Task

ObjectiveOfTasks = Callable[[Mapping[str, Task]], Objective]


class Uncertainty(Around[Objective]):
    """Uncertainty weighting: Σ_n ½·exp(-s_n)·L_n + ½·s_n (Kendall et al., CVPR 2018, Eq. 10).

    s_n = log σ_n², a parameter that starts at zero, trains with the rest and does not decay. A
    task without any label in a batch leaves its s as it is, on all ranks.

    The log's `train/<task>/loss` is what is minimised, ½·exp(-s_n)·L_n; `train/<task>/unweighted`
    is L_n, `train/<task>/log_variance` is s_n.

    Note:
        The paper has exp(-s)·L for classes, where ½·exp(-s)·L is for what is regressed; here, as
        in most releases, all tasks have the latter: the factor is a shift of s by log 2.

    Args:
        tasks: The tasks by name.
        base: The objective whose losses are weighted; its terms stay as they are.
    """

    def __init__(self, tasks: Mapping[str, Task], base: ObjectiveOfTasks = SumOfTasks) -> None:
        super().__init__(tasks, base)
        if self.base.group() is not None:
            raise ValueError(
                "`base` must be an objective that learns nothing itself, for an optimiser has one "
                f"group for an objective, found {type(self.base).__name__}."
            )
        self.log_variances = RowsOfTasks(list(tasks), torch.zeros(len(tasks)))

    def forward(self, network: MultitaskNetwork, batch: Batch) -> Losses:
        losses, terms = self.base(network, batch)
        log_variances: Tensor = self.log_variances.rows.to(losses)
        # Of the whole step where that is known: a task may have no label in one of its batches.
        known = losses.new_tensor(batch[STEP]["counts"]) if STEP in batch else losses.detach()
        labelled = (mean_of_ranks(known) > 0).to(losses)
        uncertain = {
            "log_variance": Term(log_variances, 0.5 * labelled),
            "unweighted": Term(losses.detach(), torch.zeros_like(losses)),
        }
        return Losses(0.5 * torch.exp(-log_variances) * losses, {**terms, **uncertain})

    def group(self) -> dict[str, Any]:
        return {
            "name": "uncertainty",
            "params": list(self.log_variances.parameters()),
            "weight_decay": 0.0,
        }
