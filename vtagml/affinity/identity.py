"""The affinity under which a task counts for itself alone."""

import torch
from jaxtyping import Float64
from torch import Tensor

from vtagml.affinity.affinity import Affinity


class Identity(Affinity):
    """ω = I: one embedding per task and plain sum of the losses; conditioning without affinity."""

    def affinities(self) -> Float64[Tensor, "task source"]:
        return torch.eye(
            len(self.tasks), dtype=self.similarity.dtype, device=self.similarity.device
        )
