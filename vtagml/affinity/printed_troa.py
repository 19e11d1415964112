"""TROA with the sign that the paper prints, to show what it does."""

from jaxtyping import Float64
from torch import Tensor

from vtagml.affinity.troa import TROA


class PrintedTROA(TROA):
    """ω ∝ ω·exp(-κ·sim), the update of Algorithm 1 to the letter.

    Note:
        Each target turns towards the task least similar to it, and away from itself. Set `rho` to
        zero for the formula without our regularisation; ω then becomes one-hot, off the diagonal.
    """

    def direction(
        self, similarity: Float64[Tensor, "task source"]
    ) -> Float64[Tensor, "task source"]:
        return -similarity
