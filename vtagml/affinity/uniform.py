"""The affinity under which all tasks count the same for each."""

import torch

from vtagml.affinity.affinity import Affinity
from vtagml.affinity.transfer import Matrix


class Uniform(Affinity):
    """ω = 1/N.

    Note:
        All targets get the same average of the task embeddings, so the streams of an encoder that
        is conditioned on ω are identical: task conditioning is gone too, not affinity alone.
        Compare with `Identity` and `Shuffled` before crediting a gain to affinity.
    """

    def affinities(self) -> Matrix:
        return torch.full_like(self.similarity, 1 / len(self.tasks))
