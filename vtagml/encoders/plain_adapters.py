"""Plain shared adapters: bottlenecks on a frozen backbone that know nothing of the tasks."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters import Bottleneck
from vtagml.affinity import Fork, forked_pyramid
from vtagml.backbone import Backbone
from vtagml.encoders.checkpointing import Run, recomputed, straight
from vtagml.encoders.encoder import Encoder
from vtagml.encoders.places import Place, frozen_prefix, places, staged


class PlainAdapter(nn.Module):
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


class PlainAdapters(Encoder):
    """One stream for all tasks through a frozen backbone with bottleneck adapters.

    The adapters of VTAGML without task embeddings, task-adapted attention, task-scaled norms and
    skips: what is left when the tasks are forgotten. They run once, the tasks part behind the
    pyramid. It starts as exactly the frozen backbone.

    Note:
        Houlsby et al. put a bottleneck behind attention and one behind the feed-forward network,
        both inside the residual branch. Here one stands behind the block, where VTAGML's does.

    Args:
        tasks: Names of the tasks.
        backbone: SwinV2, Swin or ViT.
        blocks: Where adapters sit: pairs (stage, block) counted from one; default as in VTAGML.
        reduction: How many times narrower than the block a bottleneck is.
        checkpointing: Whether the backward computes the blocks behind the first adapter again
            instead of keeping their activations: the same numbers, less memory, more time.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        blocks: Sequence[tuple[int, int]] | None = None,
        reduction: int = 3,
        checkpointing: bool = False,
    ) -> None:
        super().__init__(tasks, backbone.channels, Fork(len(tasks)))
        self.backbone = staged(backbone).freeze()
        self.run: Run = recomputed if checkpointing else straight
        self.places = places(self.backbone, blocks)
        self.adapters = nn.ModuleDict(
            {
                str(place): PlainAdapter(self.channels[place.stage - 1], reduction)
                for place in self.places
            }
        )

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        shared, tokens = frozen_prefix(self.backbone, image, self.places[0])
        levels = forked_pyramid(self.fork, self._adapted_levels(image, tokens))
        return {
            task: [*shared, *(level[row] for level in levels)]
            for row, task in enumerate(self.tasks)
        }

    def _adapted_levels(self, image: Tensor, tokens: Tensor) -> list[Tensor]:
        size = (image.shape[-2], image.shape[-1])
        first = self.places[0]
        levels = []
        for number, stage in enumerate(self.backbone.stages[first.stage - 1 :], first.stage):
            if number > first.stage:
                tokens = stage.downsample(tokens)
            for index, block in enumerate(stage.blocks, start=1):
                place = Place(number, index)
                if place in self.places:
                    tokens = self.run(_adapted, block, self.adapters[str(place)], tokens)
                elif place > first:
                    tokens = self.run(block, tokens)
            levels.append(self.backbone.level(number - 1, tokens, size))
        return levels


def _adapted(block: nn.Module, adapter: nn.Module, tokens: Tensor) -> Tensor:
    return adapter(block(tokens))
