"""What the encoders have in common that put adapters of their own on a frozen backbone."""

from collections.abc import Sequence

from vtagml.affinity import Fork, Statistic
from vtagml.backbone import Backbone, Place, StagedBackbone, recomputed, staged
from vtagml.encoders.encoder import Encoder


class OnFrozen(Encoder):
    """Freezes the backbone, finds the places of its adapters, and has one fork.

    Args:
        tasks: Names of the tasks.
        backbone: SwinV2, Swin or ViT.
        blocks: Where adapters stand: pairs (stage, block) counted from one; null for a sibling's
            own choice.
        statistic: What of the captured gradients an affinity compares.
        checkpointing: Whether the backward computes what learns again instead of keeping it.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        blocks: Sequence[tuple[int, int]] | None,
        statistic: Statistic,
        checkpointing: bool,
    ) -> None:
        super().__init__(tasks, backbone.channels)
        self.fork = Fork(len(self.tasks), statistic)
        self.backbone = staged(backbone.freeze())
        if checkpointing:
            self.backbone.run = recomputed
        self.places = self.default_places() if blocks is None else self.backbone.places(blocks)

    def default_places(self) -> list[Place]:
        """Where adapters stand if nobody says; here in all blocks."""
        return self.backbone.places()

    def frozen_beginning(self) -> tuple[StagedBackbone, int]:
        places = [place for place, _ in self.backbone.layers()]
        return self.backbone, places.index(self.places[0])
