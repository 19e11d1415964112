"""Which parameters of a source's network go on training on the target."""

from collections.abc import Callable, Iterable, Iterator

from lightning import Callback, LightningModule, Trainer
from torch import nn

from vtagml.adapters import TaskScaledNorm
from vtagml.multitask import multitask
from vtagml.network import MultitaskNetwork

Selection = Callable[[MultitaskNetwork], Iterable[nn.Parameter]]


def decoders_only(network: MultitaskNetwork) -> Iterator[nn.Parameter]:
    """The decoders: the encoder's weights stay the source's."""
    yield from network.decoders.parameters()


def norms_and_decoders(network: MultitaskNetwork) -> Iterator[nn.Parameter]:
    """Of the encoder its norms alone (the task-scaled ones of the adapters), and the decoders."""
    for module in network.encoder.modules():
        if isinstance(module, nn.LayerNorm | TaskScaledNorm):
            yield from module.parameters()
    yield from network.decoders.parameters()


class TuneOnly(Callback):
    """Freezes all parameters but some before a fit; what is frozen already stays so.

    All that still requires a gradient gets one from every batch, so that ranks never wait for a
    parameter that nobody used.

    Args:
        selection: Which train: `decoders_only` or `norms_and_decoders` of `vtagml.transfer`.
    """

    def __init__(self, selection: Selection) -> None:
        self.selection = selection

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":
            network = multitask(pl_module).network
            restrict(network, self.selection(network))


def restrict(network: MultitaskNetwork, chosen: Iterable[nn.Parameter]) -> None:
    """Freezes all but the chosen parameters."""
    kept = {id(parameter) for parameter in chosen}
    for parameter in network.parameters():
        parameter.requires_grad_(parameter.requires_grad and id(parameter) in kept)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ValueError(
            "`selection` must name parameters that train, found none: the network has none of this "
            "kind. Use `vtagml.transfer.decoders_only`."
        )
