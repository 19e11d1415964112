"""VMT-Adapter: one pass for all tasks, and features of each task beside it."""

from collections.abc import Callable, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters import FoldedVMTAdapter, FrozenBlock, VMTAdapter, frozen_block
from vtagml.affinity import Statistic, elementwise
from vtagml.backbone import Backbone, Place
from vtagml.encoders.encoder import of_each_task
from vtagml.encoders.on_frozen import OnFrozen


class VMT(OnFrozen):
    """VMT-Adapter, Sec. 4.1: adapters beside the feed-forward networks of a frozen backbone.

    The task-generic part of what an adapter says is added to the one stream that runs through the
    backbone. What a task makes of the rest is added up over the blocks of a stage, and to what the
    stage passes on, in the level that the task's decoder reads (Eq. 5). So tasks cost the backbone
    nothing, and an addition per stage.

    The tasks part at the stages' outputs: a fork captures the gradients there, as `Shared` does.

    Note:
        The printed numbers of parameters have scales and shifts in every block; that a stage's
        task-specific features are the sum over its blocks is our reading of Eq. 5.

    Args:
        tasks: Names of the tasks.
        backbone: SwinV2, Swin or ViT.
        blocks: Where adapters stand: pairs (stage, block) counted from one; null for all blocks.
        adapter: Makes an adapter of a block's channels and the tasks: `VMTAdapter` or
            `VMTAdapterLite`.
        statistic: What of the captured gradients an affinity compares.
        checkpointing: Whether the backward computes the blocks again instead of keeping their
            activations: the same numbers, less memory, more time.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        blocks: Sequence[tuple[int, int]] | None = None,
        adapter: Callable[[int, Sequence[str]], VMTAdapter] = VMTAdapter,
        statistic: Statistic = elementwise,
        checkpointing: bool = False,
    ) -> None:
        super().__init__(tasks, backbone, blocks, statistic, checkpointing)
        self.frozen_blocks = {
            place: frozen_block(self.backbone, self.backbone.block(place)) for place in self.places
        }
        self.adapters = nn.ModuleDict(
            {
                str(place): adapter(self.backbone.channels[place.stage - 1], self.tasks)
                for place in self.places
            }
        )

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        size = (image.shape[-2], image.shape[-1])
        features: dict[Place, Tensor] = {}

        def visit(place: Place, layer: nn.Module, tokens: Tensor) -> Tensor:
            if place not in self.frozen_blocks:
                return self.backbone.pass_through(place, layer, tokens)
            block = self.frozen_blocks[place].for_image(size)
            adapter = self._adapter(place)
            tokens, features[place] = self.backbone.run(_beside, block, adapter, tokens)
            return tokens

        leaving = list(self.backbone.walk(image, visit))
        parting = self.places[0].stage - 1
        streams = [
            self._specific(stage, tokens, features).flatten(0, 1)
            for stage, tokens in enumerate(self.fork.expand(leaving[parting:]), parting + 1)
        ]
        levels = self.backbone.pyramid(streams, size, parting)
        shared = [self.backbone.level(stage, leaving[stage], size) for stage in range(parting)]
        return of_each_task(self.tasks, shared, levels)

    def fold(self) -> None:
        for place in self.places:
            self.adapters[str(place)] = self._adapter(place).folded()

    def _adapter(self, place: Place) -> VMTAdapter | FoldedVMTAdapter:
        return cast(VMTAdapter | FoldedVMTAdapter, self.adapters[str(place)])

    def _specific(self, stage: int, streams: Tensor, features: dict[Place, Tensor]) -> Tensor:
        """Adds to what leaves a stage what each task makes of the stage's features."""
        places = [place for place in self.places if place.stage == stage]
        if not places:
            return streams
        adapters = [self._adapter(place) for place in places]
        scales = torch.stack([adapter.gate * adapter.scale.rows for adapter in adapters])
        shift = torch.stack([adapter.shift.rows for adapter in adapters]).sum(0, keepdim=True)
        read = [features[place].flatten(0, -2).T for place in places]
        read.append(torch.ones_like(read[0]))
        # Channel by channel a product of small matrices: [channels, task, block, token].
        specific = torch.bmm(torch.cat([scales, shift]).permute(2, 1, 0), torch.stack(read, dim=1))
        # Not in the same call: autocast would round the streams, too.
        return specific.permute(1, 2, 0).view_as(streams) + streams


def _beside(
    block: FrozenBlock, adapter: VMTAdapter | FoldedVMTAdapter, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """Runs a block with an adapter beside its feed-forward network; returns F, too."""
    attention, feed_forward = block.norms
    tokens = tokens + block.sublayer(attention, block.attend, tokens)
    feature = adapter(tokens)
    tokens = tokens + block.sublayer(feed_forward, block.feed_forward, tokens)
    return torch.add(tokens, feature, alpha=1 - adapter.gate), feature
