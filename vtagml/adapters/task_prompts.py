"""Task prompts: what a task looks for in features, head by head."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.of_tasks import RowsOfTasks


class TaskPrompts(nn.Module):
    """Weighs features by how well a task's learned prompt fits them: GELU(p·x/√d) ⊙ x per head.

    TADFormer (CVPR 2025), its task-prompt conditioning.

    Note:
        In the release a prompt per task stands among the tokens of every window and goes through
        all blocks and, by trained projections, from stage to stage; its products with the keys
        weigh the features. So tokens attend to prompts, too, and nothing starts as the frozen
        backbone. Here a block has prompts of its own that ask and are not asked, and they ask the
        features themselves that leave attention.

    Args:
        tasks: Names of the tasks.
        channels: Channels of the features.
        heads: Into how many groups these fall.
    """

    def __init__(self, tasks: Sequence[str], channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.prompts = RowsOfTasks(tasks, torch.randn(len(tasks), channels))

    def forward(
        self, features: Float[Tensor, "task batch *tokens channels"]
    ) -> Float[Tensor, "task batch *tokens channels"]:
        """Returns the features of each task, weighed."""
        tasks, channels = self.prompts.rows.shape
        prompts = self.prompts.rows.view(tasks, *(1,) * (features.ndim - 2), channels)
        products = (features * prompts).unflatten(-1, (self.heads, -1))
        fit = products.sum(-1, keepdim=True) / products.shape[-1] ** 0.5
        return (features.unflatten(-1, (self.heads, -1)) * F.gelu(fit)).flatten(-2)
