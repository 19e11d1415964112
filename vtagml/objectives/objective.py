"""The contract of all objectives, and what they return."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.network import MultitaskNetwork
from vtagml.tasks import Task

Batch = dict[str, Any]


class Term(NamedTuple):
    """What is minimised beside the tasks' losses: a value and a weight for each task."""

    value: Float[Tensor, " task"]
    weight: Float[Tensor, " task"]


class Losses(NamedTuple):
    """What an objective makes of a batch.

    Attributes:
        tasks: Loss of each task, zero for one that is not taught.
        terms: Further terms by name.
    """

    tasks: Float[Tensor, " task"]
    terms: Mapping[str, Term] = {}


class Objective(nn.Module, ABC):
    """Says what is minimised.

    Args:
        tasks: The tasks by name; their order is the order of all losses.
    """

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        super().__init__()
        self.tasks = tasks

    @property
    @abstractmethod
    def taught(self) -> list[str]:
        """Names of the tasks whose labels train."""

    @abstractmethod
    def forward(self, network: MultitaskNetwork, batch: Batch) -> Losses:
        """Runs the network on what the objective needs of a batch."""

    @abstractmethod
    def counts(self, batch: Mapping[str, Any]) -> list[float]:
        """How many pixels each task's loss is averaged over, which labels say alone."""

    def at_step(self, step: int) -> None:
        """Is told of every optimiser step, counted from zero, before its forward."""

    def group(self) -> dict[str, Any] | None:
        """Its parameters as a group of the optimiser, with settings of their own."""
        return None


def check_names(argument: str, names: Sequence[str], tasks: Mapping[str, Task]) -> None:
    """Raises unless all names are tasks'."""
    if unknown := set(names) - tasks.keys():
        raise ValueError(
            f"`{argument}` must be by the names of the tasks {list(tasks)}, found "
            f"{sorted(unknown)}."
        )
