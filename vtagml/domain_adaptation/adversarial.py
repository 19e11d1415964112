"""Trains on a source's labels while discriminators make the target's outputs look alike."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

from vtagml.affinity import Uniform
from vtagml.domain_adaptation.discriminators import Discriminators
from vtagml.module import (
    Batch,
    MultitaskModule,
    OptimizerOfParameters,
    ScheduleOfSteps,
    adamw,
    default_decoders,
)
from vtagml.network import AffinityOfTasks, DecodersOfTasks, EncoderOfTasks
from vtagml.schedule import WarmupCosine
from vtagml.step_counts import scale
from vtagml.tasks import Task

DiscriminatorsOfTasks = Callable[[Mapping[str, Task]], Discriminators]


class Adversarial(MultitaskModule):
    """Adapts to a target without labels: a discriminator per task on the network's output.

    The loss is Σ w_n·c_n·L_n on the source, as in `MultitaskModule`, plus Σ λ_n·A_n on the target,
    where A_n makes the discriminator take the target's output for the source's, plus the
    discriminators' own. One backward gives the gradients of the usual two, because the
    discriminators' weights are constants in A_n and the outputs are in theirs; one optimiser of
    Adam's family has a group for them with its own learning rate and betas. So what holds for the
    ordinary module holds here: precision, accumulation, ranks, faulty steps, checkpoints.

    A batch has the source's images and labels, and `target` with an `image` (and no more is read),
    as `datamodules.Adaptation` gives it. With λ = 0 the network trains as `MultitaskModule` does.

    Note:
        Gradients are clipped apart, the network's and the discriminators', each by its own norm:
        else λ would change how far the network moves on the source.

        S and ω see the gradients of the source's losses alone; the paper does not say. In
        `ObservedAdversarial` they see the adversarial ones, too.

    Args:
        tasks: What to predict; their order is the order of the affinity's rows and columns.
        encoder: The method: an encoder class and its settings.
        decoders: Decoders and their settings.
        affinity: Which affinity, and its settings.
        optimizer: An optimiser class of Adam's family and its settings.
        schedule: Builds the learning-rate schedule from the optimiser and the number of steps; it
            scales all learning rates, the discriminators' too.
        encoder_rate: Learning rate of the encoder as a share of the decoders'.
        compile: Backend of `torch.compile` for encoder and decoders, null for none.
        channels_last: Whether convolutions compute with the channels in the last place.
        discriminators: λ and its warm-up, the discriminators' learning rate, what they see.
    """

    def __init__(
        self,
        tasks: list[Task],
        encoder: EncoderOfTasks,
        decoders: DecodersOfTasks = default_decoders,
        affinity: AffinityOfTasks = Uniform,
        optimizer: OptimizerOfParameters = adamw,
        schedule: ScheduleOfSteps = WarmupCosine,
        encoder_rate: float = 1.0,
        compile: str | None = None,
        channels_last: bool = False,
        discriminators: DiscriminatorsOfTasks = Discriminators,
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
        # After the network, so that its first weights are those of a plain module of this seed.
        self.discriminators = discriminators(self.tasks)
        self.optimizer_of_groups, self.optimizer = optimizer, self._one_optimizer
        self._source_maps: Mapping[str, Tensor] = {}

    def target_maps(self, image: Float[Tensor, "batch 3 height width"]) -> dict[str, Tensor]:
        """The network's maps of the target's images. The hook that a sibling overrides."""
        with _unobserved(self.network.encoder.fork):
            return self.network(image)

    def losses(self, maps: Mapping[str, Tensor], batch: Batch) -> Float[Tensor, " task"]:
        self._source_maps = maps
        return super().losses(maps, batch)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        if "target" not in batch:
            raise ValueError(
                f"`target` must be in every training batch, found {sorted(batch)}: the data of an "
                "adversarial module is a `datamodules.Adaptation` of a source and a target."
            )
        total = super().training_step(batch, index)
        source, self._source_maps = self._source_maps, {}
        target = self.target_maps(batch["target"]["image"])
        fooling, telling = self.discriminators.losses(source, target)
        weights = self.discriminators.weights(self.global_step).to(fooling)
        for name, fooled, told in zip(self.tasks, fooling.detach(), telling.detach(), strict=True):
            size = len(batch["image"])
            self.log(f"train/{name}/adversarial", fooled, batch_size=size)
            self.log(f"train/{name}/discriminator", told, batch_size=size)
        # What `SkipFaultySteps` looks at to name the task and the samples.
        self.last_losses = self.last_losses + (fooling + telling).detach().to(self.last_losses)
        return total + ((weights * fooling).sum() + telling.sum()) * scale(batch)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        for hidden in (self.discriminators, self.network):
            with _without_gradients(hidden.parameters()):
                self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def _one_optimizer(self, groups: Iterable[Any]) -> Optimizer:
        optimizer = self.optimizer_of_groups([*groups, self.discriminators.group()])
        if "betas" not in optimizer.defaults:
            raise ValueError(
                f"`optimizer` must be of Adam's family, found {type(optimizer).__name__}: the "
                "discriminators are a group of it, with betas of their own."
            )
        return optimizer


class ObservedAdversarial(Adversarial):
    """S and ω see the gradients of the adversarial losses on the target, too.

    The inner products of all images of a step are summed, each with its gradient's own size. The
    adversarial gradients carry λ, so at λ = 1e-3 the sum hardly notices them, and the λ of the
    tasks must be equal, or tasks of a larger one count more.
    """

    def target_maps(self, image: Float[Tensor, "batch 3 height width"]) -> dict[str, Tensor]:
        return self.network(image)


@contextmanager
def _unobserved(fork: nn.Module) -> Iterator[None]:
    """Lets gradients pass a fork without being captured, which it does in eval mode."""
    training = fork.training
    fork.eval()
    try:
        yield
    finally:
        fork.train(training)


@contextmanager
def _without_gradients(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Hides the gradients of these parameters."""
    kept = [(parameter, parameter.grad) for parameter in parameters]
    for parameter, _ in kept:
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, gradient in kept:
            parameter.grad = gradient
