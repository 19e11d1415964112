"""What every method is: a network from an image to one feature pyramid per task."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.backbone import StagedBackbone


class Encoder(nn.Module, ABC):
    """Turns an image into one feature pyramid per task.

    The place where its tasks part is a `Fork` among its modules. It may have several, or none if
    its tasks share nothing.

    Args:
        tasks: Names of the tasks, in the order of the rows and columns of ω.
        channels: Channels of the four levels, finest first.
    """

    apart = True
    """Whether no task's stream reads another's behind a fork, as captured gradients require."""

    def __init__(self, tasks: Sequence[str], channels: Sequence[int]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.channels = tuple(channels)

    @abstractmethod
    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        """Returns each task's maps at strides 4, 8, 16 and 32, channels second.

        Args:
            image: Values in [0, 1].
            omega: A row of affinities per task; encoders without conditioning ignore it.
        """

    def frozen_beginning(self) -> tuple[StagedBackbone, int] | None:
        """A backbone and how many of its first layers run frozen, once for all tasks, as they are.

        None if nothing does, or nobody has said.
        """
        return None

    def fold(self) -> None:
        """Folds for inference what the algebra allows, in place; by default there is nothing."""


def of_each_task(
    names: Sequence[str], shared: Sequence[Tensor], levels: Sequence[Tensor]
) -> dict[str, list[Tensor]]:
    """Returns pyramids of which the first levels are the same for all tasks.

    Args:
        names: Of the tasks, or of other streams.
        shared: The first levels.
        levels: The others, streams and batch as one axis.
    """
    streams = [level.unflatten(0, (len(names), -1)) for level in levels]
    return {name: [*shared, *(level[row] for level in streams)] for row, name in enumerate(names)}
