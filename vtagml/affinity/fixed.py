"""An affinity that does not change: ω from another run, or written by hand."""

from collections.abc import Sequence
from os import PathLike
from typing import ClassVar

import torch

from vtagml.affinity.from_file import FromFile
from vtagml.affinity.transfer import AffinityState, Matrix, Rows, positions, restricted, stochastic


class Fixed(FromFile):
    """A constant ω; S is tracked beside it as everywhere.

    Args:
        tasks: Names of the tasks.
        values: The JSON file of another run's `Affinity.state()`, whose tasks are matched by name
            (they may be more, in any order), or the rows of ω, [target][source]. A checkpoint
            holds them: whoever loads one can do without the file.
    """

    taken: ClassVar[str] = "fixed"
    fixed: Matrix

    def __init__(
        self,
        tasks: Sequence[str],
        values: Rows | PathLike[str] | str,  # in the order in which a YAML value is tried
    ) -> None:
        super().__init__(tasks)
        self.register_buffer("fixed", torch.zeros_like(self.similarity))
        if isinstance(values, str | PathLike):
            self.start_from(values)
        else:
            self.fixed.copy_(stochastic("values", values, self.tasks))

    def take(self, state: AffinityState) -> None:
        known = state["tasks"]
        omega = stochastic("omega", state["omega"], known)
        self.fixed.copy_(restricted(omega, positions(self.tasks, known)))

    def affinities(self) -> Matrix:
        self.arrive()
        return self.fixed.clone()
