"""One fully fine-tuned backbone per task: the base line of Δm."""

from collections.abc import Sequence
from copy import deepcopy

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.affinity.fork import Fork
from vtagml.backbone import Backbone
from vtagml.encoders.encoder import Encoder


class SingleTask(Encoder):
    """A backbone of its own for every task, all from the same weights; nothing is shared.

    Args:
        tasks: Names of the tasks.
        backbone: Copied once per task.

    Note:
        The tasks' parameters are disjoint, so training them together by an optimiser that works
        element by element (SGD, Adam, AdamW) is training them one by one, but for a clipping of
        the common gradient norm. There is no shared representation: no affinity is captured.
    """

    def __init__(self, tasks: Sequence[str], backbone: Backbone) -> None:
        super().__init__(tasks, backbone.channels, Fork(len(tasks)))
        self.backbones = nn.ModuleDict({task: deepcopy(backbone) for task in tasks})

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        return {task: self.backbones[task](image) for task in self.tasks}
