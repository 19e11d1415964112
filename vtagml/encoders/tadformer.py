"""TADFormer: MTLoRA's form with one set of products, which prompts and filters make the tasks'."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters import DynamicFilter, FrozenBlock, TaskPrompts, frozen_block
from vtagml.backbone import Backbone, Place
from vtagml.encoders.parting_late import PartingLate
from vtagml.tuning import LoRAEverywhere
from vtagml.tuning.lora import LowRankLinear

PROJECTION, EXPANSION, CONTRACTION = "proj", "fc1", "fc2"


class TADFormer(PartingLate):
    """One stream with low-rank products; in each stage's last block tasks pass them on their own.

    The products are the stream's. A task's prompt weighs what attention gives before the product
    beside attention's last layer reads it (`TaskPrompts`), and in the middle of that product and of
    those of the feed-forward network stands a filter made of what passes it (`DynamicFilter`). All
    of this reaches a task's tokens through the products, which start at zero, but for a share of
    the weighed features in the level, whose gate starts at zero, too.

    Note:
        In the release tasks' layers add to what the frozen ones make of the stream's activations
        (see `LastBlocks`), the filter of attention's product runs window by window, and a level is
        (1 - s)·tokens + s·features with s = 1/2 at the start. Norms, position biases, the patch
        embedding train there as well.

    Args:
        tasks: Names of the tasks.
        backbone: SwinV2, Swin or ViT.
        tuning: The products. Released: ranks 16, 32 and 64, counted four times.
        checkpointing: Whether the backward computes the blocks again instead of keeping their
            activations: the same numbers, less memory, more time.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        # Written as a config can be: by keywords.
        tuning: LoRAEverywhere = LoRAEverywhere(rank=16, alpha=64.0),  # noqa: B008 -- no state
        checkpointing: bool = False,
    ) -> None:
        super().__init__(tasks, backbone, tuning, checkpointing)
        network = self.backbone
        self.blocks = {place: frozen_block(network, network.block(place)) for place in self.last}
        self.passes = nn.ModuleDict(
            {str(place): TaskPass(self.tasks, block) for place, block in self.blocks.items()}
        )

    def leave(
        self,
        place: Place,
        streams: Float[Tensor, "task batch *tokens channels"],
        size: tuple[int, int],
    ) -> Float[Tensor, "task batch *tokens channels"]:
        block = self.blocks[place].for_image(size)
        return self.backbone.run(self.passes[str(place)], block, streams)

    def fold(self) -> None:
        """Merges the products in whose middle no filter stands."""
        network = self.backbone
        for place in network.places():
            if place not in self.last:
                self.tuning.merge(network.block(place))
        for place in self.last:
            joint = network.attention[0]
            network.replace(
                network.block(place), joint, lambda layer: cast(LowRankLinear, layer).merged()
            )

    def merge(self) -> None:
        raise ValueError(
            "TADFormer's filters cannot be merged into the backbone's weights: keep the "
            "checkpoint, or train `vtagml.encoders.LastBlocks`, whose blocks can."
        )


class TaskPass(nn.Module):
    """What makes a pass through a tuned block a task's own.

    Args:
        tasks: Names of the tasks.
        block: The block.
    """

    def __init__(self, tasks: Sequence[str], block: FrozenBlock) -> None:
        super().__init__()
        self.prompts = TaskPrompts(tasks, block.channels, block.heads)
        self.norm = nn.LayerNorm(block.channels)
        self.filters = nn.ModuleDict(
            {name: DynamicFilter(layer.down.out_features) for name, layer in _layers(block).items()}
        )
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(
        self, block: FrozenBlock, streams: Float[Tensor, "task batch *tokens channels"]
    ) -> Float[Tensor, "task batch *tokens channels"]:
        """Returns what leaves the block for each task."""
        layers = _layers(block)
        attention, feed_forward = block.norms
        scale_attention, scale_feed_forward = block.scales
        weighed: list[Tensor] = []

        def product(name: str, tokens: Tensor, read: Tensor) -> Tensor:
            layer = layers[name]
            narrow = block.over_grid(self.filters[name], layer.down(read))
            return layer.layer(tokens) + layer.scale * layer.up(narrow)

        def attend(tokens: Tensor) -> Tensor:
            logits, values = block.attention(tokens)
            features = block.features(logits.softmax(-1) @ values, tokens)
            weighed.append(self.prompts(features.unflatten(0, (len(streams), -1))))
            read = self.norm(features + weighed[0].flatten(0, 1))
            return scale_attention(product(PROJECTION, features, read))

        def feed(tokens: Tensor) -> Tensor:
            network = block.block.mlp
            wide = network.norm(network.act(product(EXPANSION, tokens, tokens)))
            return scale_feed_forward(product(CONTRACTION, wide, wide))

        tokens = streams.flatten(0, 1)
        tokens = tokens + block.sublayer(attention, attend, tokens)
        tokens = tokens + block.sublayer(feed_forward, feed, tokens)
        return tokens.view_as(streams) + self.gate * weighed[0]


def _layers(block: FrozenBlock) -> dict[str, Any]:
    """The layers with a product in which a filter stands."""
    inner = block.block
    return {PROJECTION: inner.attn.proj, EXPANSION: inner.mlp.fc1, CONTRACTION: inner.mlp.fc2}
