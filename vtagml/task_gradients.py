"""Each task's gradient of what all tasks share, beside a training that does not notice."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.affinity import Gram, elementwise, unobserved
from vtagml.affinity.gram import inner_products
from vtagml.network import MultitaskNetwork
from vtagml.objectives import Batch, Objective
from vtagml.ranks import sum_of_ranks

Gradient = list[Tensor | None]
"""By parameter; None where a loss does not reach one."""


class SharedGradients(NamedTuple):
    """Of some parameters: of each task's loss, and of all that is minimised beside them."""

    tasks: list[Gradient]
    terms: Gradient


def shared_gradients(
    network: MultitaskNetwork,
    objective: Objective,
    batch: Batch,
    parameters: Sequence[nn.Parameter],
    context: AbstractContextManager[Any] | None = None,
    scale: float = 1.0,
    weights: Float[Tensor, " task"] | None = None,
) -> SharedGradients:
    """The tasks' gradients of some parameters, on this rank.

    One forward, and a backward for each task that is taught; the others have no gradient. And one
    for the objective's further terms, if it has any that can be moved.

    Args:
        network: Is run once more.
        objective: Whose losses of the tasks it is about.
        batch: Of this rank.
        parameters: That all tasks share.
        context: In which training runs its forward, such as autocast.
        scale: Of the losses, so that no gradient underflows in 16 bits. Cosines do not know it.
        weights: Of the tasks' losses, by default one each.
    """
    tasks = [name for name in objective.tasks if name in objective.taught]
    with _unnoticed(network, objective, batch["image"].device):
        network.scale = scale
        cut = _Cut()
        with context or nullcontext(), network.register_forward_hook(cut):
            losses, terms = objective(network, batch)
        # Weighed before the backward: 16 bits may hold what is minimised and no more.
        weighed = losses if weights is None else weights.to(losses) * losses
        named = dict(zip(objective.tasks, scale * weighed, strict=True))
        found = {task: cut.gradient(named[task], parameters) for task in tasks}
        beside = [(each.weight * each.value).sum() for each in terms.values()]
        moving = [each for each in beside if each.requires_grad]
        nothing: Gradient = [None] * len(parameters)
        further = cut.gradient(scale * torch.stack(moving).sum(), parameters) if moving else nothing
    return SharedGradients([found.get(task, nothing) for task in objective.tasks], further)


class _Cut:
    """Cuts the graph at the network's maps, so that a task's backward runs through its own alone.

    Else zeros would run back through the maps of all other tasks, too.
    """

    def __init__(self) -> None:
        self.maps: list[Tensor] = []
        self.leaves: list[Tensor] = []

    def __call__(
        self, network: nn.Module, inputs: object, maps: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        leaves = {name: map.detach().requires_grad_() for name, map in maps.items()}
        self.maps += maps.values()
        self.leaves += leaves.values()
        return leaves

    def gradient(self, loss: Tensor, parameters: Sequence[nn.Parameter]) -> Gradient:
        """Of a loss, through the maps, and where an objective reads parameters itself."""
        found = _gradient([loss], [*self.leaves, *parameters])
        of_maps, direct = found[: len(self.leaves)], found[len(self.leaves) :]
        reached = [
            (map, own)
            for map, own in zip(self.maps, of_maps, strict=True)
            if own is not None and map.requires_grad and own.any()
        ]
        if not reached:
            return direct
        maps, gradients = zip(*reached, strict=True)
        return [
            one if other is None else other if one is None else one + other
            for one, other in zip(_gradient(maps, parameters, gradients), direct, strict=True)
        ]


def _gradient(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], gradients: Sequence[Tensor] | None = None
) -> Gradient:
    # Not `backward`: that would leave gradients in the parameters, and tell DDP of them.
    return list(
        torch.autograd.grad(outputs, inputs, gradients, retain_graph=True, allow_unused=True)
    )


def gram_of(rows: Sequence[Gradient], parameters: Sequence[nn.Parameter]) -> Gram:
    """Inner products of the tasks' gradients of some parameters, over the images of all ranks.

    The gradient of the whole batch is the ranks' sum, whose products are no sums of products: here,
    unlike at a fork, gradients are reduced. All ranks have to call it. All parameters are one
    vector per task.
    """
    products = torch.zeros(1, len(rows), len(rows), dtype=torch.float64)
    for parameter, column in zip(parameters, zip(*rows, strict=True), strict=True):
        own = [torch.zeros_like(parameter) if each is None else each for each in column]
        gradient = sum_of_ranks(torch.stack(own).detach().flatten(1))
        added = inner_products(gradient[:, None], elementwise)
        products = products.to(added.device) + added
    return Gram.of(products)


@contextmanager
def _unnoticed(network: nn.Module, objective: nn.Module, device: torch.device) -> Iterator[None]:
    """Leaves random numbers, buffers and forks as they were; nothing is compiled for it."""
    buffers = [*network.buffers(), *objective.buffers()]
    kept = [buffer.clone() for buffer in buffers]
    devices = [device] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices),
        torch.compiler.set_stance("force_eager"),
        unobserved(network),
    ):
        yield
    with torch.no_grad():
        for buffer, value in zip(buffers, kept, strict=True):
            buffer.copy_(value)
