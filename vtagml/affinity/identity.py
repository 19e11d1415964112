"""The affinity under which a task counts for itself alone."""

import torch

from vtagml.affinity.affinity import Affinity
from vtagml.affinity.transfer import Matrix


class Identity(Affinity):
    """ω = I: one embedding per task and plain sum of the losses; conditioning without affinity."""

    def affinities(self) -> Matrix:
        return torch.eye(len(self.tasks)).to(self.similarity)
