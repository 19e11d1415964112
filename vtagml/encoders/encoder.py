"""What every method is: a network from an image to one feature pyramid per task."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.affinity.fork import Fork


class Encoder(nn.Module, ABC):
    """Turns an image into one feature pyramid per task.

    Args:
        tasks: Names of the tasks, in the order of the rows and columns of ω.
        channels: Channels of the four levels, finest first.
        fork: The place where the tasks part and their gradients are captured.
    """

    def __init__(self, tasks: Sequence[str], channels: Sequence[int], fork: Fork) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.channels = tuple(channels)
        self.fork = fork

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
