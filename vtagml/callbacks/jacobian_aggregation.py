"""Steps along an aggregation of the tasks' gradients of what they share."""

from typing import Any

import torch
from jaxtyping import Float
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

from vtagml.affinity.gramian_weighting import afresh, drawn
from vtagml.loss_scale import loss_scale
from vtagml.multitask import multitask
from vtagml.parameter_roles import shared_by_all
from vtagml.ranks import mean_of_ranks
from vtagml.step_counts import scale
from vtagml.task_gradients import Gradient, shared_gradients

Rows = Float[Tensor, "row parameters"]


class JacobianAggregation(Callback):
    """Replaces the gradient of the shared parameters by an aggregator's of the tasks' gradients.

    For aggregators of TorchJD that need the Jacobian itself: `ConFIG`, `GradDrop`, `TrimmedMean`.
    Those of the Gram matrix alone work, too, on the gradients of parameters and of this very step,
    where `vtagml.affinity.GramianWeighting` has those at the fork and of the step before: the only
    way where no image has labels of two tasks.

    A row of the Jacobian is the gradient of w_n·c_n·L_n, as it is in the sum that is minimised
    else, of all ranks and of all batches that are accumulated to a step. What belongs to some
    tasks, decoders among it, keeps its ordinary gradient, and the gradient of the objective's
    further terms is added to the aggregation. Clipping comes after it, by the Trainer.

    Note:
        It costs a forward and a backward per task and batch beside the ordinary ones, and the
        memory of the shared parameters' gradients for every task.

        A task without a label in a step, on all ranks, has no row in it. `NashMTL` starts from
        equal weights in every step.

        A step whose gradients are not all finite gets NaN for all of them, so that what leaves out
        such steps finds it.

        Weights that follow the losses (`DWA`, `FAMO`, `GLS`) are those of the batch before.

    Args:
        aggregator: Of `torchjd.aggregation`.
        seed: Of those that draw at random, together with the step.
    """

    def __init__(self, aggregator: nn.Module, seed: int = 0) -> None:
        from torchjd import Stateful
        from torchjd.aggregation import Aggregator, NashMTL

        remembers = isinstance(aggregator, Stateful) and not isinstance(aggregator, NashMTL)
        if not isinstance(aggregator, Aggregator) or remembers:
            raise ValueError(
                "`aggregator` must be one of `torchjd.aggregation` that remembers nothing of the "
                f"steps before, such as `ConFIG`, found {type(aggregator).__name__}."
            )
        self.aggregator, self.seed = aggregator, seed
        self._rows: Rows | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        network = multitask(pl_module).network
        if not shared_by_all(network):
            raise ValueError(
                "`JacobianAggregation` must have parameters that train and belong to all tasks, "
                f"found none in {type(network.encoder).__name__} and "
                f"{type(network.decoders).__name__}: leave it out."
            )

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        module, precision = multitask(pl_module), trainer.precision_plugin
        size = loss_scale(trainer)
        module.objective.at_step(trainer.global_step)
        parameters = shared_by_all(module.network)
        of_affinity = module.network.affinity.weights.double()
        fixed = of_affinity.new_tensor([task.weight for task in module.tasks.values()])
        found = shared_gradients(
            module.network,
            module.objective,
            batch,
            parameters,
            precision.train_step_context(),
            size,
            of_affinity * fixed,
        )
        rows = [_row(gradient, parameters) for gradient in (*found.tasks, found.terms)]
        share = scale(batch) / (size * trainer.accumulate_grad_batches)
        added = share * torch.stack(rows)
        self._rows = added if self._rows is None else self._rows + added

    @torch.no_grad()
    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            raise ValueError(
                "`optimizer` must not be fused under 16-bit precision with `JacobianAggregation`, "
                f"found a fused {type(optimizer).__name__}, which unscales gradients in its own "
                "step: take `fused: false`, or `bf16-mixed`."
            )
        rows, self._rows = self._rows, None
        assert rows is not None  # A step has a batch.
        rows = mean_of_ranks(rows)
        parameters = shared_by_all(multitask(pl_module).network)
        if not rows.isfinite().all():
            # A row can overflow where the sum does not; what leaves out faulty steps finds NaN.
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter.grad.fill_(torch.nan)
            return
        gradient = self._aggregated(rows[:-1], trainer.global_step) + rows[-1]
        parts = gradient.split([each.numel() for each in parameters])
        for parameter, part in zip(parameters, parts, strict=True):
            if parameter.grad is not None:  # else the step is left out
                parameter.grad.copy_(part.view_as(parameter))

    def _aggregated(self, rows: Rows, step: int) -> Float[Tensor, " parameters"]:
        present = rows.any(dim=1)
        if not present.any():
            return torch.zeros_like(rows[0])
        count = int(present.sum())
        with afresh(self.aggregator, count, drawn(self.seed, step), rows.device):
            try:
                return self.aggregator(rows[present])
            except ValueError as error:
                if present.all():
                    raise
                raise ValueError(
                    f"`aggregator` {self.aggregator} must take the gradients of any number of "
                    f"tasks, found that it refuses {count} of {len(rows)}, the others "
                    f"having no label in step {step}: {error}"
                ) from error


def _row(gradient: Gradient, parameters: list[nn.Parameter]) -> Float[Tensor, " parameters"]:
    own = [
        torch.zeros_like(parameter) if each is None else each
        for each, parameter in zip(gradient, parameters, strict=True)
    ]
    row = torch.cat([each.detach().flatten() for each in own])
    return row if row.dtype == torch.float64 else row.float()
