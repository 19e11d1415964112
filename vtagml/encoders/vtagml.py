"""VTAGML: a frozen backbone whose last blocks carry vision adapters, conditioned by affinity."""

from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters import Adapter, FrozenBlock, TaskEmbedding, VisionAdapter, frozen_block
from vtagml.affinity import Fork, Statistic, elementwise
from vtagml.backbone import Backbone, Stage
from vtagml.encoders.checkpointing import Run, recomputed, straight
from vtagml.encoders.encoder import Encoder
from vtagml.encoders.places import Place, frozen_prefix, places, staged


class VTAGML(Encoder):
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
        super().__init__(tasks, backbone.channels, Fork(len(tasks), statistic))
        self.backbone = staged(backbone).freeze()
        self.embedding = TaskEmbedding(len(tasks), embedding)
        self.run: Run = recomputed if checkpointing else straight
        self.places = places(self.backbone, blocks)
        self.frozen_blocks = {
            place: frozen_block(
                self.backbone, self.backbone.stages[place.stage - 1].blocks[place.block - 1]
            )
            for place in self.places
        }
        self.adapters = nn.ModuleDict(
            {
                str(place): adapter(self.frozen_blocks[place], embedding, place != self.places[0])
                for place in self.places
            }
        )

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        if len(omega) != len(self.tasks):
            raise ValueError(
                f"`omega` must have a row for each of the {len(self.tasks)} tasks, found "
                f"{len(omega)}: `encode` runs rows of other tasks under names of your choice."
            )
        return self._pyramids(image, omega, self.tasks, self.fork)

    def encode(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "stream source"],
        names: Sequence[str],
    ) -> dict[str, list[Tensor]]:
        """Returns a pyramid per row of ω, trained task or not; captures no gradient.

        Args:
            image: Values in [0, 1].
            omega: Per stream its affinities to the trained tasks.
            names: A name per row.
        """
        if len(omega) != len(names) or len(set(names)) != len(names):
            raise ValueError(
                f"`names` must have a name of its own for each row of `omega`, found "
                f"{list(names)} for {len(omega)} rows."
            )
        return self._pyramids(
            image, omega, names, lambda tokens: tokens.expand(len(names), *tokens.shape)
        )

    def _pyramids(
        self,
        image: Tensor,
        omega: Tensor,
        names: Sequence[str],
        part: Callable[[Tensor], Tensor],
    ) -> dict[str, list[Tensor]]:
        size = (image.shape[-2], image.shape[-1])
        first = self.places[0]
        shared, tokens = frozen_prefix(self.backbone, image, first)
        embeddings = self.embedding(omega)
        streams, point = part(tokens), None
        levels = []
        for number, stage in enumerate(self.backbone.stages[first.stage - 1 :], first.stage):
            if number > first.stage:
                streams = _folded(stage.downsample, streams)
                point = None if point is None else _folded(stage.downsample, point)
            streams, point = self._stage(number, stage, streams, point, embeddings, size)
            levels.append(self._level(number, streams, size))
        return {
            name: [*shared, *(level[row] for level in levels)] for row, name in enumerate(names)
        }

    def _stage(
        self,
        number: int,
        stage: Stage,
        streams: Tensor,
        point: Tensor | None,
        embeddings: Tensor,
        size: tuple[int, int],
    ) -> tuple[Tensor, Tensor | None]:
        """Returns the streams behind a stage and what its last adapter sends over the skip."""
        first = self.places[0]
        for index, block in enumerate(stage.blocks, start=1):
            place = Place(number, index)
            if place in self.frozen_blocks:
                frozen = self.frozen_blocks[place].for_image(size)
                streams, point = self.run(
                    self.adapters[str(place)], frozen, streams, embeddings, point, place == first
                )
            elif place > first:
                streams = self.run(_folded, block, streams)
        return streams, point

    def _level(self, number: int, streams: Tensor, size: tuple[int, int]) -> Tensor:
        return _folded(lambda tokens: self.backbone.level(number - 1, tokens, size), streams)


def _folded(layer: Callable[[Tensor], Tensor], streams: Tensor) -> Tensor:
    """Runs a layer on all images of all tasks as one batch."""
    return layer(streams.flatten(0, 1)).unflatten(0, streams.shape[:2])
