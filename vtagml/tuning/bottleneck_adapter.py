"""Bottleneck adapters behind the blocks of a frozen backbone."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters import Bottleneck
from vtagml.backbone import Backbone, staged
from vtagml.tuning.tuning import Network, Tuning


class NormedBottleneck(nn.Module):
    """Adds a bottleneck of the normalised tokens to them: x + up(GELU(down(LN(x)))).

    Args:
        channels: Channels of the tokens.
        reduction: How many times narrower the bottleneck is.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.bottleneck = Bottleneck(channels, reduction)

    def forward(
        self, tokens: Float[Tensor, "*tokens channels"]
    ) -> Float[Tensor, "*tokens channels"]:
        return tokens + self.bottleneck(self.norm(tokens))


class BottleneckAdapter(Tuning):
    """A residual bottleneck with a norm behind each block.

    On VTAGML's blocks it is what is left of VTAGML when the tasks are forgotten: no embeddings, no
    task-adapted attention, no task-scaled norms, no skips.

    Args:
        blocks: Where adapters stand: pairs (stage, block) counted from one; null for all blocks.
        reduction: How many times narrower than the block a bottleneck is.
    """

    merges = False

    def __init__(self, blocks: Sequence[tuple[int, int]] | None = None, reduction: int = 3) -> None:
        self.blocks, self.reduction = blocks, reduction

    def tune(self, backbone: Backbone) -> None:
        network = staged(backbone.freeze())
        for place in network.places(self.blocks):
            channels = network.channels[place.stage - 1]
            network.behind[str(place)] = NormedBottleneck(channels, self.reduction)

    def merge(self, network: Network) -> Network:
        raise ValueError(
            "A bottleneck with a non-linearity cannot be merged into the backbone's weights: write "
            "it beside them (`lightning export`) or the whole network (`lightning export --to "
            "onnx`), or tune with `vtagml.tuning.LoRA`, which can."
        )
