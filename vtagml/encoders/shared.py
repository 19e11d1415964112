"""One stream for all tasks; they part behind the pyramid."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from vtagml.affinity import Fork, forked_pyramid
from vtagml.backbone import Backbone, recomputed, staged
from vtagml.encoders.encoder import Encoder
from vtagml.tuning import Full, Tuning


class Shared(Encoder):
    """One tuned backbone whose output every task shares.

    With the tuning `Full` it is the multitask baseline of the dense-prediction surveys, hard
    parameter sharing; with `Frozen` only decoders train.

    The fork captures gradients at the levels that something trained can move: the others are the
    same frozen maps for all. Where nothing trains the whole pyramid stands for them.

    Args:
        tasks: Names of the tasks.
        backbone: The network that makes the pyramid.
        tuning: What of it learns.
        checkpointing: Whether the backward computes the blocks again instead of keeping their
            activations: the same numbers, less memory, more time.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        tuning: Tuning = Full(),  # noqa: B008 -- it has no state
        checkpointing: bool = False,
    ) -> None:
        super().__init__(tasks, backbone.channels)
        self.tuning, self.backbone = tuning, backbone
        self.fork = Fork(len(self.tasks))
        tuning.tune(backbone)
        if checkpointing:
            staged(backbone).run = recomputed

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        pyramid = self.backbone(image)
        moved = [level.requires_grad for level in pyramid]
        first = moved.index(True) if any(moved) else 0
        streams = forked_pyramid(self.fork, pyramid[first:])
        return {
            task: [*pyramid[:first], *(level[row] for level in streams)]
            for row, task in enumerate(self.tasks)
        }

    def merge(self) -> None:
        """Brings what tuned the backbone back to the layers and keys of timm."""
        self.tuning.merge(self.backbone)
