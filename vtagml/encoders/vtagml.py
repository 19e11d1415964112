"""VTAGML: a frozen backbone whose last blocks carry vision adapters, conditioned by affinity."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from vtagml.adapters import Adapter, FrozenBlock, VisionAdapter
from vtagml.affinity import Statistic, elementwise
from vtagml.backbone import Backbone, Place
from vtagml.encoders.conditioned import Conditioned, Part
from vtagml.encoders.encoder import of_each_task


class VTAGML(Conditioned):
    """Vision Transformer Adapters for Generalizable Multitask Learning, Sec. 3.2.

    The tasks part at the first adapter: what is in front of it is frozen and runs once, without
    gradients; from there on task and batch run as one axis through adapters and the frozen blocks
    between them. Levels of the pyramid that are complete before that are the same frozen maps for
    all tasks. Adapters and task embeddings train, the backbone stays in eval mode.

    The skip between consecutive adapters crosses a stage boundary through the frozen patch
    merging, like the tokens.

    Note:
        The paper conditions its FiLM parameters on ω, its slides and the released code on task
        embeddings averaged by ω; we follow the latter. With a uniform ω all streams are equal.

    Args:
        tasks: Names of the tasks.
        backbone: SwinV2, Swin or ViT.
        blocks: Where adapters sit: pairs (stage, block) counted from one. Default: the last four
            of the third stage and the fourth stage's (at most the last two).
        adapter: Makes the adapter of a block: `VisionAdapter` starts as the frozen block,
            `LiteralVisionAdapter` is wired as Fig. 3.
        embedding: Width of the task embeddings.
        statistic: What of the captured gradients the affinity compares.
        checkpointing: Whether the backward computes the blocks behind the fork again instead of
            keeping their activations: the same numbers, less memory, more time.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        blocks: Sequence[tuple[int, int]] | None = None,  # Fig. 2: (3, 15…18), (4, 1…2)
        adapter: Callable[[FrozenBlock, int, bool], Adapter] = VisionAdapter,
        embedding: int = 64,  # paper: w³, 343 for windows of 7
        statistic: Statistic = elementwise,
        checkpointing: bool = False,
    ) -> None:
        super().__init__(tasks, backbone, blocks, embedding, statistic, checkpointing)
        self.adapters = nn.ModuleDict(
            {
                str(place): adapter(self.frozen_blocks[place], embedding, place != self.places[0])
                for place in self.places
            }
        )

    def pyramids(
        self, image: Tensor, embeddings: Tensor, names: Sequence[str], part: Part
    ) -> dict[str, list[Tensor]]:
        first, run, size = self.places[0], self.backbone.run, (image.shape[-2], image.shape[-1])
        skip: Tensor | None = None  # what the last adapter sent, [stream, batch, …]

        def visit(place: Place, layer: nn.Module, tokens: Tensor) -> Tensor:
            nonlocal skip
            if place < first:
                return layer(tokens)
            if place.block == 0:
                if skip is not None:
                    skip = layer(skip.flatten(0, 1)).unflatten(0, skip.shape[:2])
                return layer(tokens)
            if place not in self.frozen_blocks:
                return run(layer, tokens)
            parting = place == first
            streams = part([tokens])[0] if parting else tokens.unflatten(0, (len(embeddings), -1))
            block = self.frozen_blocks[place].for_image(size)
            adapter = self.adapters[str(place)]
            streams, skip = run(adapter, block, streams, embeddings, skip, parting)
            return streams.flatten(0, 1)

        pyramid = self.backbone(image, visit)
        shared = first.stage - 1
        return of_each_task(names, pyramid[:shared], pyramid[shared:])
