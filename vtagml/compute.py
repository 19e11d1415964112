"""How a network computes: compiled, in which memory format, decoders in turn or together."""

from dataclasses import dataclass

import torch
from torch import nn

from vtagml.backbone.timm_backbone import NULL
from vtagml.decoders import Decoders, in_turn, together


@dataclass(frozen=True)
class Compute:
    """How the network computes; what it computes stays.

    Args:
        compile: Backend of `torch.compile` for encoder and decoders, null for none.
        mode: Of inductor: `reduce-overhead` replays CUDA graphs, `max-autotune` tries kernels; null
            for its own.
        channels_last: Whether convolutions compute with the channels in the last place.
        in_turn: Whether the backward of a task's decoder and loss comes before the next task's
            forward, where tasks have decoders of their own and losses of a map each: gradients are
            the same, activations of one decoder lie in memory, not of all. Elsewhere (shared
            decoders, objectives that need the maps of all tasks) it changes nothing.
    """

    compile: str | None = None
    mode: str | None = None
    channels_last: bool = False
    in_turn: bool = True

    def __post_init__(self) -> None:
        if self.mode not in NULL and self.compile in NULL:
            raise ValueError(
                f"`compute.compile` must name the backend that has the mode {self.mode!r}, found "
                "none: set it to `inductor`, or `compute.mode` to null."
            )

    def prepare(self, network: nn.Module) -> None:
        """Changes the network in place."""
        for decoders in network.modules():
            if isinstance(decoders, Decoders):
                decoders.run = in_turn if self.in_turn else together
        if self.channels_last:
            # A convolution follows its weights, whatever its input: the images stay as they are.
            network.to(memory_format=torch.channels_last)
        if self.compile not in NULL:
            mode = None if self.mode in NULL else self.mode
            network.compile(backend=self.compile, mode=mode)
