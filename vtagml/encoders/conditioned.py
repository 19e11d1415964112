"""What the encoders have in common whose adapters are conditioned by task embeddings."""

from abc import abstractmethod
from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor

from vtagml.adapters import TaskEmbedding, frozen_block
from vtagml.affinity import Statistic
from vtagml.backbone import Backbone, Place
from vtagml.encoders.on_frozen import OnFrozen

_THIRD, _FOURTH = 3, 4

Part = Callable[[Sequence[Tensor]], list[Tensor]]
"""Gives each of some tokens to every stream, with a leading axis."""


class Conditioned(OnFrozen):
    """Adapters on a frozen backbone, shared by the tasks; what differs is made of an embedding.

    A task that was not trained needs nothing but a row of ω.

    Args:
        tasks: Names of the tasks.
        backbone: SwinV2, Swin or ViT.
        blocks: Where adapters stand: pairs (stage, block) counted from one; null for the paper's.
        embedding: Width of the task embeddings.
        statistic: What of the captured gradients an affinity compares.
        checkpointing: Whether the backward computes what learns again instead of keeping it.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        blocks: Sequence[tuple[int, int]] | None,
        embedding: int,
        statistic: Statistic,
        checkpointing: bool,
    ) -> None:
        super().__init__(tasks, backbone, blocks, statistic, checkpointing)
        self.embedding = TaskEmbedding(self.tasks, embedding)
        self.frozen_blocks = {
            place: frozen_block(self.backbone, self.backbone.block(place)) for place in self.places
        }

    def default_places(self) -> list[Place]:
        """The paper's: the last four blocks of the third stage, two of the fourth."""
        third, fourth = (
            [place for place in self.backbone.places() if place.stage == stage]
            for stage in (_THIRD, _FOURTH)
        )
        return [*third[-4:], *fourth[-2:]]

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
        return self.streams(image, omega, self.tasks, self.fork.expand)

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
        return self.streams(image, omega, names, copies(len(names)))

    def streams(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "stream source"],
        names: Sequence[str],
        part: Part,
    ) -> dict[str, list[Tensor]]:
        """Returns a pyramid per row of ω: where ω comes in, which is in the embeddings.

        Args:
            image: Values in [0, 1].
            omega: Per stream its affinities to the trained tasks.
            names: Of each stream.
            part: Makes the streams of what all of them start from.
        """
        return self.pyramids(image, self.embedding(omega), names, part)

    @abstractmethod
    def pyramids(
        self,
        image: Float[Tensor, "batch 3 height width"],
        embeddings: Float[Tensor, "stream embedding"],
        names: Sequence[str],
        part: Part,
    ) -> dict[str, list[Tensor]]:
        """Returns the pyramid of each stream.

        Args:
            image: Values in [0, 1].
            embeddings: Of each stream.
            names: Of each stream.
            part: Makes the streams of what all of them start from.
        """


def copies(count: int) -> Part:
    """Gives the same tokens to so many streams, and captures no gradient."""
    return lambda shared: [tokens.expand(count, *tokens.shape) for tokens in shared]
