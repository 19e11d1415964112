"""Affinities of a network that has learned, with a row for a task that it has not."""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from vtagml.affinity.from_file import FromFile
from vtagml.affinity.transfer import AffinityState, Matrix, positions, restricted, stochastic

OF_SOURCE = Path("affinity.json of the run that `vtagml.transfer.NewTask` starts from")
"""Stands for a file that `NewTask` will name: whoever needs it before is told so."""


class NewRow(FromFile):
    """ω of the known tasks as their run has learned it, and a row over them for a new task.

    The new task has a row and no column: z_new = Σ_n ω[new, n]·θ̂_n is a mixture of the embeddings
    that were learned, and no other task's mixture changes. All losses weigh the same, since none
    but the new task's own decoder is to train. A checkpoint holds the known rows: whoever loads one
    can do without the source. A sibling overrides `row`.

    Args:
        tasks: Names of the tasks, the new one among them.
        new: Name of the new task.
    """

    taken: ClassVar[str] = "known"
    known: Matrix

    def __init__(self, tasks: Sequence[str], new: str) -> None:
        super().__init__(tasks)
        if new not in self.tasks or len(self.tasks) < 2:
            raise ValueError(
                f"`new` must be one of the `tasks` {list(self.tasks)}, beside a known one, found "
                f"{new!r}. Add it to the module's tasks."
            )
        self.new = new
        self.place = self.tasks.index(new)
        self.others = [index for index in range(len(self.tasks)) if index != self.place]
        self.register_buffer("known", torch.zeros_like(self.similarity))
        self.start_from(OF_SOURCE)

    def take(self, state: AffinityState) -> None:
        names = [self.tasks[index] for index in self.others]
        learned = stochastic("omega", state["omega"], state["tasks"])
        learned = restricted(learned, positions(names, state["tasks"]))
        rows = torch.tensor(self.others, device=self.known.device)
        self.known.zero_()
        self.known[rows[:, None], rows] = learned.to(self.known)

    @abstractmethod
    def row(self) -> Float64[Tensor, " source"]:
        """The new task's affinities to the known ones, which sum to one."""

    def affinities(self) -> Matrix:
        self.arrive()
        omega = self.known.clone()
        omega[self.place, self.others] = self.row()
        return omega

    @property
    def weights(self) -> Float32[Tensor, " task"]:
        return torch.ones(len(self.tasks), device=self.device)


class UniformRow(NewRow):
    """The new task takes the same of every known one: what a measured row is compared with."""

    def row(self) -> Float64[Tensor, " source"]:
        return torch.full_like(self.similarity[0, self.others], 1 / len(self.others))


class GivenRow(NewRow):
    """The row that somebody gives who knows the tasks: what a measured row could at best find.

    Args:
        tasks: Names of the tasks, the new one among them.
        new: Name of the new task.
        values: Affinities to known tasks by name, which sum to one; zero to those left out.
    """

    def __init__(self, tasks: Sequence[str], new: str, values: Mapping[str, float]) -> None:
        super().__init__(tasks, new)
        names = [self.tasks[index] for index in self.others]
        if strangers := sorted(values.keys() - set(names)):
            raise ValueError(f"`values` must be by names of {names}, found {strangers}.")
        given = [float(values.get(name, 0.0)) for name in names]
        if min(given) < 0 or not math.isclose(sum(given), 1, abs_tol=1e-3):
            raise ValueError(
                f"`values` must be numbers from 0 that sum to 1, found {dict(values)}: they are a "
                "row of ω."
            )
        self.values = [value / sum(given) for value in given]  # 1/3 is typed as 0.333

    def row(self) -> Float64[Tensor, " source"]:
        return self.similarity.new_tensor(self.values)


class MeasuredRow(NewRow):
    """ω[new, n] = softmax((κ/ρ)·S[new, n]) over the known tasks n: where TROA comes to rest.

    S is the running mean of the cosines between the new task's gradients at the fork and those of
    the known tasks, on the same samples; so these need the labels of all tasks. Until `start`
    steps the row is uniform: the first gradients come through a decoder that knows nothing.

    Args:
        tasks: Names of the tasks, the new one among them.
        new: Name of the new task.
        kappa: Step size κ of the mirror descent.
        rho: Pull ρ towards uniform.
        start: Observed steps before the row is taken from them.
    """

    learns = True

    def __init__(
        self,
        tasks: Sequence[str],
        new: str,
        kappa: float = 1.0,  # Sec. 3.2.1
        rho: float = 0.3,
        start: int = 100,
    ) -> None:
        super().__init__(tasks, new)
        if not (kappa > 0 and 0 < rho <= 1 and start >= 0):
            raise ValueError(
                "`kappa` must be positive, `rho` in (0, 1] and `start` 0 or more, found "
                f"{kappa}, {rho} and {start}. Without a pull to uniform the row has no rest."
            )
        self.kappa, self.rho, self.start = kappa, rho, start

    def row(self) -> Float64[Tensor, " source"]:
        cosines = self.similarity[self.place, self.others]
        measured = torch.where(self.steps > self.start, cosines, 0.0)
        return (self.kappa / self.rho * measured).softmax(0)

    @property
    def settings(self) -> dict[str, int | float]:
        return {"kappa": self.kappa, "rho": self.rho, "start": self.start}
