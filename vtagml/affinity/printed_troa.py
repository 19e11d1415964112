"""TROA with the sign that the paper prints, to show what it does."""

from vtagml.affinity.transfer import Matrix
from vtagml.affinity.troa import TROA


class PrintedTROA(TROA):
    """ω ∝ ω·exp(-κ·sim), the update of Algorithm 1 to the letter.

    Note:
        Each target turns towards the task least similar to it, and away from itself. Set `rho` to
        zero for the formula without our regularisation; ω then becomes one-hot, off the diagonal.
    """

    def direction(self, similarity: Matrix) -> Matrix:
        return -similarity
