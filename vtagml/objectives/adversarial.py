"""Labels of a source, images of a target: discriminators make the target's maps look alike."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import softplus

from vtagml.affinity import unobserved
from vtagml.losses.shapes import Pictures
from vtagml.losses.unknown import full_precision
from vtagml.network import MultitaskNetwork
from vtagml.objectives.around import Around
from vtagml.objectives.discriminator import Discriminator
from vtagml.objectives.objective import Batch, Losses, Term, check_names
from vtagml.objectives.sum_of_tasks import SumOfTasks
from vtagml.ranks import mean_of_ranks
from vtagml.tasks.task import Span, Task

DiscriminatorOfChannels = Callable[[int], nn.Module]
ObjectiveOfTasks = Callable[[Mapping[str, Task]], SumOfTasks]


class Adversarial(Around[SumOfTasks]):
    """Adapts to a target without labels: a discriminator per task on the network's output.

    Beside the losses of `base` on the source, Σ λ_n·A_n on the target is minimised, where A_n makes
    the discriminator take the target's output for the source's, and the discriminators' own losses.
    With scores d these are ½·(mean softplus(-d(source)) + mean softplus(d(target))), the
    cross-entropy of the domains; A is mean softplus(-d(target)), the non-saturating form. Means are
    over the patches of all ranks.

    One backward gives the gradients of the usual two, because the discriminators' weights are
    constants in A_n and the outputs are in theirs; one optimiser has a group for them with its own
    learning rate and betas. So what holds for any objective holds here: precision, accumulation,
    ranks, faulty steps, checkpoints.

    λ is zero up to optimiser step `start`, then rises linearly over `warmup` steps to `weight`;
    with λ = 0 the network trains as with `base`. The discriminators learn from the first step on.

    A batch has the source's images and labels, and `target` with an `image` (and no more is read),
    as `datamodules.Adaptation` gives it.

    Note:
        The paper does not say its λ. CTRL has 1e-3, which is the default here; DenseMTL 5e-3.

        Gradients are clipped apart, the network's and the discriminators', each by its own norm:
        else λ would change how far the network moves on the source.

        S and ω see the gradients of the source's losses alone; the paper does not say. In
        `ObservedAdversarial` they see the adversarial ones, too.

    Args:
        tasks: The tasks by name.
        base: The objective on the source.
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
        base: ObjectiveOfTasks = SumOfTasks,
        weight: float | dict[str, float] = 1e-3,
        start: int = 0,
        warmup: int = 0,
        rate: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        ranges: dict[str, Span] | None = None,
        discriminator: DiscriminatorOfChannels = Discriminator,
    ) -> None:
        super().__init__(tasks, base)
        given = weight if isinstance(weight, Mapping) else dict.fromkeys(tasks, weight)
        ranges = ranges or {}
        check_names("weight", list(given), tasks)
        check_names("ranges", list(ranges), tasks)
        for argument, least in (("weight", min(given.values(), default=0)), ("rate", rate)):
            if not least >= 0:
                raise ValueError(f"`{argument}` must be at least 0, found {least}.")
        if min(start, warmup) < 0:
            raise ValueError(f"`start` and `warmup` must be 0 or more, found {start} and {warmup}.")
        self.weight = {name: float(given.get(name, 0.0)) for name in tasks}
        self.start, self.warmup = start, warmup
        self.rate, self.betas = rate, betas
        self.step = 0
        self.codes = {name: task.code(ranges.get(name)) for name, task in tasks.items()}
        self.judges = nn.ModuleDict(
            {name: discriminator(task.channels) for name, task in tasks.items()}
        )

    def at_step(self, step: int) -> None:
        super().at_step(step)
        self.step = step

    def forward(self, network: MultitaskNetwork, batch: Batch) -> Losses:
        if "target" not in batch:
            raise ValueError(
                f"`target` must be in every training batch, found {sorted(batch)}: the data of an "
                "adversarial objective are a `datamodules.Adaptation` of a source and a target."
            )
        source = network(batch["image"])
        losses = self.base.losses(source, batch)
        target = self.target_maps(network, batch["target"]["image"])
        fooling, telling = self.adversaries(source, target)
        terms = {
            "adversarial": Term(fooling, self.weights(self.step).to(fooling)),
            "discriminator": Term(telling, torch.ones_like(telling)),
        }
        return Losses(losses, terms)

    def target_maps(self, network: MultitaskNetwork, image: Pictures) -> Mapping[str, Tensor]:
        """The network's maps of the target's images. The hook that a sibling overrides."""
        with unobserved(network):
            return network(image)

    def weights(self, step: int) -> Float[Tensor, " task"]:
        """λ of each task at an optimiser step, counted from zero."""
        risen = step >= self.start + self.warmup
        share = 1.0 if risen else max(0, step - self.start) / max(1, self.warmup)
        return share * torch.tensor(list(self.weight.values()), dtype=torch.float64)

    def adversaries(
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
        losses = fooling + telling
        sums = torch.stack([loss.sum() for loss in losses])
        # By the mean count of a rank, as in `SumOfTasks`.
        means = sums / mean_of_ranks(sums.new_tensor([loss.numel() for loss in losses]))
        tasks = len(self.judges)
        return means[:tasks], means[tasks:].view(tasks, 2).mean(1)

    def group(self) -> dict[str, Any]:
        return {
            "name": "discriminators",
            "params": list(self.parameters()),
            "lr": self.rate,
            "betas": self.betas,
            "weight_decay": 0.0,
        }


class ObservedAdversarial(Adversarial):
    """S and ω see the gradients of the adversarial losses on the target, too.

    The inner products of all images of a step are summed, each with its gradient's own size. The
    adversarial gradients carry λ, so at λ = 1e-3 the sum hardly notices them, and the λ of the
    tasks must be equal, or tasks of a larger one count more.
    """

    def target_maps(self, network: MultitaskNetwork, image: Pictures) -> Mapping[str, Tensor]:
        return network(image)


def _with_constant_weights(judge: nn.Module) -> Callable[[Tensor], Tensor]:
    """The same function of its input, which gives its own parameters no gradient."""
    held = {name: parameter.detach() for name, parameter in judge.named_parameters()}
    return partial(functional_call, judge, held)
