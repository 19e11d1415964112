"""Which parameters of a source's network go on training on the target."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from torch import nn

from vtagml.adapters import TaskScaledNorm
from vtagml.network import MultitaskNetwork

Tuning = Callable[[MultitaskNetwork], Iterable[nn.Parameter]]


def encoder_and_decoders(network: MultitaskNetwork) -> Iterator[nn.Parameter]:
    """All that trained on the source: adapters and task embeddings, and the decoders."""
    yield from network.encoder.parameters()
    yield from network.decoders.parameters()


def decoders_only(network: MultitaskNetwork) -> Iterator[nn.Parameter]:
    """The decoders: the encoder's weights stay the source's."""
    yield from network.decoders.parameters()


def norms_and_decoders(network: MultitaskNetwork) -> Iterator[nn.Parameter]:
    """Of the encoder its norms alone (the task-scaled ones of the adapters), and the decoders."""
    for module in network.encoder.modules():
        if isinstance(module, nn.LayerNorm | TaskScaledNorm):
            yield from module.parameters()
    yield from network.decoders.parameters()


def restrict(
    network: MultitaskNetwork, tune: Tuning, tasks: Sequence[str], held_out: Collection[str]
) -> None:
    """Freezes all that `tune` does not name, and what belongs to the held-out tasks alone.

    What the network was built with as frozen stays frozen. All that still requires a gradient gets
    one from every batch, so that ranks never wait for a parameter that nobody used.
    """
    chosen = {id(parameter) for parameter in tune(network)}
    for task in held_out:
        for module in own_modules(network, tasks, task):
            chosen -= {id(parameter) for parameter in module.parameters()}
    for parameter in network.parameters():
        parameter.requires_grad_(parameter.requires_grad and id(parameter) in chosen)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ValueError(
            "`tune` must name parameters that train, found none: the encoder has none of this "
            "kind. Use `vtagml.transfer.decoders_only`."
        )


def own_modules(network: nn.Module, tasks: Sequence[str], task: str) -> Iterator[nn.Module]:
    """The modules that belong to a task alone: those under its name where every task has one."""
    for module in network.modules():
        if isinstance(module, nn.ModuleDict) and set(module) == set(tasks):
            yield module[task]
