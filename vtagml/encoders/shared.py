"""One stream for all tasks; they part behind the pyramid."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from vtagml.affinity import Fork, forked_pyramid
from vtagml.backbone import Backbone, StagedBackbone
from vtagml.encoders.tuned import Tuned


class Shared(Tuned):
    """One tuned backbone whose output every task shares.

    With the tuning `Full` it is the multitask baseline of the dense-prediction surveys, hard
    parameter sharing; with `Frozen` only decoders train.

    The fork captures gradients at the levels that something trained can move: the others are the
    same frozen maps for all. Where nothing trains the whole pyramid stands for them.
    """

    def take(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.fork = Fork(len(self.tasks))

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

    def frozen_beginning(self) -> tuple[StagedBackbone, int] | None:
        if not isinstance(self.backbone, StagedBackbone):
            return None
        return self.backbone, self.backbone.frozen_layers()

    def merge(self) -> None:
        self.tuning.merge(self.backbone)

    def whole_backbones(self) -> Mapping[tuple[str, ...], Backbone]:
        return {self.tasks: self.backbone}
