"""An affinity that does not change: ω from another run, or written by hand."""

from collections.abc import Sequence
from os import PathLike

from jaxtyping import Float64
from torch import Tensor

from vtagml.affinity.affinity import Affinity
from vtagml.affinity.transfer import Rows, positions, read_state, restricted, stochastic


class Fixed(Affinity):
    """A constant ω; S is tracked beside it as everywhere.

    Args:
        tasks: Names of the tasks.
        values: The JSON file of another run's `Affinity.state()`, whose tasks are matched by name
            (they may be more, in any order), or the rows of ω, [target][source].
    """

    fixed: Float64[Tensor, "task source"]

    def __init__(
        self,
        tasks: Sequence[str],
        values: Rows | PathLike[str] | str,  # in the order in which a YAML value is tried
    ) -> None:
        super().__init__(tasks)
        if isinstance(values, str | PathLike):
            state = read_state(values)
            known = state["tasks"]
            omega = stochastic("omega", state["omega"], known)
            omega = restricted(omega, positions(self.tasks, known))
        else:
            omega = stochastic("values", values, self.tasks)
        self.register_buffer("fixed", omega)

    def affinities(self) -> Float64[Tensor, "task source"]:
        return self.fixed.clone()
