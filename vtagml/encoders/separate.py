"""A stream of its own for every task, from the backbone on."""

from collections.abc import Mapping
from copy import deepcopy
from typing import cast

from jaxtyping import Float
from torch import Tensor

from vtagml.backbone import Backbone
from vtagml.encoders.folded import folded, own_tensors
from vtagml.encoders.tuned import Tuned
from vtagml.of_tasks import OfTasks


class Separate(Tuned):
    """A tuned backbone for every task: what trains is its own, what is frozen is stored once.

    With the tuning `Full` it is the single-task baseline of Δm, a backbone per task. Where some is
    frozen all tasks run as one batch, and in front of the first thing that trains as one stream.

    Note:
        The tasks' parameters are disjoint, so training them together by an optimiser that works
        element by element (SGD, Adam, AdamW) is training them one by one, but for a clipping of
        the common gradient norm. There is no shared representation: no affinity is captured.
    """

    def take(self, backbone: Backbone) -> None:
        frozen = [each for each in backbone.parameters() if not each.requires_grad]
        # A copy that has these in its memory takes them as they are.
        once = {id(tensor): tensor for tensor in (*frozen, *backbone.buffers())}
        self.backbones = OfTasks({task: deepcopy(backbone, dict(once)) for task in self.tasks})
        # A pass for each task where one is computed again in the backward, or nothing is common.
        common = 0 < len(frozen) < len(list(backbone.parameters()))
        self.folds = common and len(self.tasks) > 1 and not self.checkpointing

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        backbones = [self.backbones[task] for task in self.tasks]
        if not self.folds:
            return {task: self.backbones[task](image) for task in self.tasks}
        pyramid = folded(backbones[0], own_tensors(backbones), image, apart=False)
        return {task: [level[row] for level in pyramid] for row, task in enumerate(self.tasks)}

    def merge(self) -> None:
        for backbone in self.backbones.values():
            self.tuning.merge(cast(Backbone, backbone))

    def whole_backbones(self) -> Mapping[tuple[str, ...], Backbone]:
        return {(task,): cast(Backbone, self.backbones[task]) for task in self.tasks}
