"""A discriminator per task: their losses, those of the network that fools them, their settings."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
import torch.distributed
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import softplus

from vtagml.domain_adaptation.discriminator import Discriminator
from vtagml.losses.unknown import full_precision
from vtagml.tasks.task import Span, Task

DiscriminatorOfChannels = Callable[[int], nn.Module]


class Discriminators(nn.Module):
    """Learns per task to tell source from target, and says how well the target passes for source.

    With scores d the discriminators minimise ½·(mean softplus(-d(source)) + mean
    softplus(d(target))), the cross-entropy of the domains; the network minimises λ·mean
    softplus(-d(target)), the non-saturating form. Means are over the patches of all ranks.

    λ is zero up to optimiser step `start`, then rises linearly over `warmup` steps to `weight`.
    The discriminators learn from the first step on.

    Note:
        The paper does not say its λ. CTRL has 1e-3, which is the default here; DenseMTL 5e-3.

    Args:
        tasks: The tasks by name.
        weight: λ, for all tasks or by task; a task that is left out has zero.
        start: Optimiser steps without adversarial loss.
        warmup: Optimiser steps in which λ rises.
        rate: Learning rate of the discriminators; the module's schedule scales it, too.
        betas: Of the discriminators' moments in Adam.
        ranges: The source's smallest and largest value by task, where its code is scaled by it.
        discriminator: A class of discriminators and its settings, made from a number of channels.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        weight: float | dict[str, float] = 1e-3,
        start: int = 0,
        warmup: int = 0,
        rate: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        ranges: dict[str, Span] | None = None,
        discriminator: DiscriminatorOfChannels = Discriminator,
    ) -> None:
        super().__init__()
        given = weight if isinstance(weight, Mapping) else dict.fromkeys(tasks, weight)
        ranges = ranges or {}
        for argument, mapping in (("weight", given), ("ranges", ranges)):
            if unknown := mapping.keys() - tasks.keys():
                raise ValueError(
                    f"`{argument}` must be by the names of the tasks {list(tasks)}, found"
                    f" {sorted(unknown)}."
                )
        for argument, least in (("weight", min(given.values(), default=0)), ("rate", rate)):
            if not least >= 0:
                raise ValueError(f"`{argument}` must be at least 0, found {least}.")
        if min(start, warmup) < 0:
            raise ValueError(f"`start` and `warmup` must be 0 or more, found {start} and {warmup}.")
        self.weight = {name: float(given.get(name, 0.0)) for name in tasks}
        self.start, self.warmup = start, warmup
        self.rate, self.betas = rate, betas
        self.codes = {name: task.code(ranges.get(name)) for name, task in tasks.items()}
        self.judges = nn.ModuleDict(
            {name: discriminator(task.channels) for name, task in tasks.items()}
        )

    def weights(self, step: int) -> Float[Tensor, " task"]:
        """λ of each task at an optimiser step, counted from zero."""
        risen = step >= self.start + self.warmup
        share = 1.0 if risen else max(0, step - self.start) / max(1, self.warmup)
        return share * torch.tensor(list(self.weight.values()), dtype=torch.float64)

    def losses(
        self, source: Mapping[str, Tensor], target: Mapping[str, Tensor]
    ) -> tuple[Float[Tensor, " task"], Float[Tensor, " task"]]:
        """The network's loss and the discriminators' by task, apart in one graph.

        The network's reaches the target's maps alone, the discriminators' their parameters alone,
        so one backward of the sum gives both the gradients of two separate ones.

        Args:
            source: The network's map of each task, on images of the source.
            target: Likewise of the target.
        """
        fooling, telling = [], []
        for name, judge in self.judges.items():
            code, held = self.codes[name], _with_constant_weights(judge)
            fooling.append(softplus(-full_precision(held(code(target[name])))))
            telling.append(softplus(-full_precision(judge(code(source[name].detach())))))
            telling.append(softplus(full_precision(judge(code(target[name].detach())))))
        means = _means(fooling + telling)
        tasks = len(self.judges)
        return means[:tasks], means[tasks:].view(tasks, 2).mean(1)

    def group(self) -> dict[str, Any]:
        """The parameters as a group of an optimiser of Adam's family."""
        return {
            "name": "discriminators",
            "params": list(self.parameters()),
            "lr": self.rate,
            "betas": self.betas,
            "weight_decay": 0.0,
        }


def _with_constant_weights(judge: nn.Module) -> Callable[[Tensor], Tensor]:
    """The same function of its input, which gives its own parameters no gradient."""
    held = {name: parameter.detach() for name, parameter in judge.named_parameters()}
    return partial(functional_call, judge, held)


def _means(losses: Sequence[Tensor]) -> Float[Tensor, " loss"]:
    """Mean of each over the elements of all ranks, as `MultitaskModule.losses` takes it.

    DistributedDataParallel averages the gradients of the ranks, so each rank divides its sum by
    the mean count of a rank: the average is then the gradient of the mean over all.
    """
    sums = torch.stack([loss.sum() for loss in losses])
    counts = sums.new_tensor([loss.numel() for loss in losses])
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(counts)
        counts = counts / torch.distributed.get_world_size()
    return sums / counts
