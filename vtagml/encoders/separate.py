"""A stream of its own for every task, from the backbone on."""

from collections.abc import Sequence
from copy import deepcopy
from typing import cast

from jaxtyping import Float
from torch import Tensor

from vtagml.backbone import Backbone, recomputed, staged
from vtagml.encoders.encoder import Encoder
from vtagml.of_tasks import OfTasks
from vtagml.tuning import Full, Tuning


class Separate(Encoder):
    """A tuned backbone for every task: what trains is its own, what is frozen is stored once.

    With the tuning `Full` it is the single-task baseline of Δm, a backbone per task.

    Note:
        The tasks' parameters are disjoint, so training them together by an optimiser that works
        element by element (SGD, Adam, AdamW) is training them one by one, but for a clipping of
        the common gradient norm. There is no shared representation: no affinity is captured.

    Args:
        tasks: Names of the tasks.
        backbone: Where all of them start.
        tuning: What of it learns.
        checkpointing: As in `Shared`.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        tuning: Tuning = Full(),  # noqa: B008 -- it has no state
        checkpointing: bool = False,
    ) -> None:
        super().__init__(tasks, backbone.channels)
        self.tuning = tuning
        tuning.tune(backbone)
        if checkpointing:
            staged(backbone).run = recomputed
        frozen = [each for each in backbone.parameters() if not each.requires_grad]
        # A copy that has these in its memory takes them as they are.
        once = {id(tensor): tensor for tensor in (*frozen, *backbone.buffers())}
        self.backbones = OfTasks({task: deepcopy(backbone, dict(once)) for task in self.tasks})

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        return {task: self.backbones[task](image) for task in self.tasks}

    def merge(self) -> None:
        """Brings what tuned the backbone back to the layers and keys of timm."""
        for backbone in self.backbones.values():
            self.tuning.merge(cast(Backbone, backbone))
