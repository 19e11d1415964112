"""The place where one representation is given to N tasks, and where their gradients meet again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.affinity.gram import Gram, inner_products
from vtagml.affinity.statistic import Statistic, elementwise

FunctionType = TypeVar("FunctionType", bound=Callable[..., Any])


def _eager(function: FunctionType) -> FunctionType:
    """Keeps `function` out of `torch.compile`, which cannot trace a backward that records."""
    return cast(FunctionType, torch.compiler.disable(function))


class Fork(nn.Module):
    """Gives a representation to each task and captures what flows back, TROA (Sec. 3.2.1).

    The forward adds a leading task axis without copying. The backward of the total loss Σ w_n L_n
    brings w_n·∇L_n back on stream n; the fork adds the inner products of these to a `Gram` and
    passes on their sum, as any fan-out does. The weights cancel in the cosines, so one ordinary
    backward is all that is needed: gradient accumulation, mixed precision, activation
    checkpointing, clipping, DDP and automatic optimisation stay as they are.

    Nothing is captured in eval mode, without gradients, or for a single task. A representation that
    does not require a gradient (a frozen prefix) is captured like any other.

    Note:
        The streams must stay apart behind the fork: an operation that mixes them (a norm over
        the task axis, an adapter that reads another task's features) falsifies the cosines, and
        nothing here can notice it; encoders and decoders say themselves whether they are `apart`.
        `torch.compile` breaks its graph here, so `fullgraph=True` refuses.

    Args:
        tasks: How many streams leave the fork.
        statistic: What of each gradient enters the inner products.
    """

    def __init__(self, tasks: int, statistic: Statistic = elementwise) -> None:
        super().__init__()
        if tasks < 1:
            raise ValueError(f"`tasks` must be at least 1, found {tasks}.")
        self.tasks = tasks
        self.statistic = statistic
        # A plain attribute, neither saved nor, as a buffer would be, overwritten by DDP's
        # broadcast from rank 0 between two micro-batches.
        self._gathered: Gram | None = None

    @_eager
    def forward(
        self, shared: Float[Tensor, "batch *tokens channels"]
    ) -> Float[Tensor, "task batch *tokens channels"]:
        """One view of `shared` per task."""
        return self.expand([shared])[0]

    @_eager
    def expand(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Forks several channels-last representations of the same images as if they were one.

        The inner products add up over the levels before it is decided, image by image, which tasks
        are present.
        """
        if self.tasks == 1 or not (self.training and torch.is_grad_enabled()):
            return [level.unsqueeze(0).expand(self.tasks, *level.shape) for level in levels]
        # The empty probe requires a gradient so that the streams do even where no level does;
        # making the level itself a leaf would keep its whole gradient alive for nothing.
        probe = torch.empty(0, device=levels[0].device, requires_grad=True)
        return list(_Tap.apply(self.tasks, self.record, probe, *levels))

    @_eager
    @torch.no_grad()
    def record(self, gradients: Sequence[Tensor | None]) -> None:
        """Adds the Gram of one backward to what was gathered; None is a level nobody used."""
        products = [inner_products(each, self.statistic) for each in gradients if each is not None]
        if not products:
            return
        gram = Gram.of(torch.stack(products).sum(0))
        self._gathered = gram if self._gathered is None else self._gathered + gram

    def take(self) -> Gram | None:
        """The Gram gathered since the last call, and forgets it; None if there was no backward."""
        gathered, self._gathered = self._gathered, None
        return gathered

    def extra_repr(self) -> str:
        return f"tasks={self.tasks}"


def forked_pyramid(
    fork: Fork, pyramid: Sequence[Float[Tensor, "batch _ ..."]]
) -> list[Float[Tensor, "task batch _ ..."]]:
    """Forks every level of a pyramid [batch, channels, height, width] with one fork.

    For encoders whose tasks share one stream up to the decoders. The levels count as one long
    representation: their inner products are added image by image, so a task is present in an image
    if any level has its gradient.
    """
    channels_last = [level.movedim(1, -1) for level in pyramid]
    return [streams.movedim(-1, 2) for streams in fork.expand(channels_last)]


def forks(network: nn.Module) -> list[Fork]:
    """All places of a network where tasks part."""
    return [module for module in network.modules() if isinstance(module, Fork)]


def take_gram(network: nn.Module) -> Gram | None:
    """What all forks captured since the last call, which they forget; None if that is nothing."""
    grams = [gram for fork in forks(network) if (gram := fork.take()) is not None]
    return sum(grams[1:], grams[0]) if grams else None


@contextmanager
def unobserved(network: nn.Module) -> Iterator[None]:
    """Lets gradients pass the forks without being captured, which they do in eval mode."""
    observing = [fork for fork in forks(network) if fork.training]
    for fork in observing:
        fork.eval()
    try:
        yield
    finally:
        for fork in observing:
            fork.train()


class _Tap(torch.autograd.Function):
    """Expands along a new task axis; hands the gradients of the streams to `record`.

    A function, not a tensor hook: autograd then refuses an in-place operation on a stream, which
    would silently corrupt the others, since they are views of the same memory.
    """

    @staticmethod
    def forward(
        ctx: Any,
        tasks: int,
        record: Callable[[Sequence[Tensor | None]], None],
        probe: Tensor,
        *levels: Tensor,
    ) -> tuple[Tensor, ...]:
        ctx.record = record
        ctx.set_materialize_grads(False)
        return tuple(level.unsqueeze(0).expand(tasks, *level.shape) for level in levels)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        ctx.record(gradients)
        wanted = ctx.needs_input_grad[3:]
        summed = (
            each.sum(0) if needed and each is not None else None
            for each, needed in zip(gradients, wanted, strict=True)
        )
        return (None, None, None, *summed)
