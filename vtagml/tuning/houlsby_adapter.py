"""Bottleneck adapters at the end of both residual branches of a block."""

from functools import partial

from torch import Tensor, nn

from vtagml.adapters import Bottleneck
from vtagml.backbone import Backbone, staged
from vtagml.tuning.bottleneck_adapter import BottleneckAdapter


class Adapted(nn.Module):
    """A frozen layer and a residual adapter behind it: y + adapter(y) of y = layer(x).

    Args:
        layer: The layer.
        adapter: Reads and adds to its output.
    """

    def __init__(self, layer: nn.Module, adapter: nn.Module) -> None:
        super().__init__()
        self.layer, self.adapter = layer, adapter

    def forward(self, tokens: Tensor) -> Tensor:
        output: Tensor = self.layer(tokens)
        return output + self.adapter(output)


class HoulsbyAdapter(BottleneckAdapter):
    """A bottleneck behind attention and one behind the feed-forward network, in their branches.

    Houlsby et al., 2019: the adapter reads the branch before it is added to the stream. A sibling
    overrides what the adapter is.
    """

    def tune(self, backbone: Backbone) -> None:
        network = staged(backbone.freeze())
        for place in network.places(self.blocks):
            adapted = partial(self._adapted, network.channels[place.stage - 1])
            for layer in network.outputs:
                network.replace(network.block(place), layer, adapted)

    def adapter(self, channels: int) -> nn.Module:
        """Makes what is added to a branch of this width; it starts as nothing."""
        return Bottleneck(channels, self.reduction)

    def _adapted(self, channels: int, layer: nn.Module) -> nn.Module:
        return Adapted(layer, self.adapter(channels))
