"""What the objectives have in common that add to another one, or change what it minimises."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from vtagml.objectives.objective import Objective
from vtagml.tasks import Task

Base = TypeVar("Base", bound=Objective)


class Around(Objective, Generic[Base]):
    """Teaches what another objective teaches, which is told of every step.

    Args:
        tasks: The tasks by name.
        base: The other objective.
    """

    def __init__(
        self, tasks: Mapping[str, Task], base: Callable[[Mapping[str, Task]], Base]
    ) -> None:
        super().__init__(tasks)
        self.base = base(tasks)

    @property
    def taught(self) -> list[str]:
        return self.base.taught

    def counts(self, batch: Mapping[str, Any]) -> list[float]:
        return self.base.counts(batch)

    def at_step(self, step: int) -> None:
        self.base.at_step(step)
