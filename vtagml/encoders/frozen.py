"""Frozen backbone, only decoders train: the least that every adapter must beat."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from vtagml.affinity.fork import Fork, forked_pyramid
from vtagml.backbone import Backbone
from vtagml.encoders.encoder import Encoder


class SharedBackbone(Encoder):
    """One backbone whose output every task shares; the tasks part behind it.

    Args:
        tasks: Names of the tasks.
        backbone: The network that makes the pyramid.
    """

    def __init__(self, tasks: Sequence[str], backbone: Backbone) -> None:
        super().__init__(tasks, backbone.channels, Fork(len(tasks)))
        self.backbone = backbone

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        levels = forked_pyramid(self.fork, self.backbone(image))
        return {task: [level[index] for level in levels] for index, task in enumerate(self.tasks)}


class Frozen(SharedBackbone):
    """The backbone as it was pre-trained: only the decoders train."""

    def __init__(self, tasks: Sequence[str], backbone: Backbone) -> None:
        super().__init__(tasks, backbone.freeze())
