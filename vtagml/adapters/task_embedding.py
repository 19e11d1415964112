"""What the network knows of a task: a mixture of learned embeddings."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from vtagml.of_tasks import RowsOfTasks


class TaskEmbedding(RowsOfTasks):
    """Averages the learned task embeddings θ̂ by affinity: z_t = Σ_n ω[t, n]·θ̂_n, Sec. 3.2.2.

    An encoder has one set of embeddings for all its adapters, as the FiLM slide draws it; what an
    adapter makes of them is its own. A task that was never trained is run by giving its row of ω.

    What adapters make of an embedding is linear but for a constant (`FiLM`), and the rows of ω sum
    to one: so to average embeddings is to average the tasks' own scales, shifts and A', with the
    same ω. Feeding FiLM with the row of ω itself is the same family of functions, too.

    The embeddings start as random vectors of about unit length: under Adam a generator's output
    moves per step by the learning rate times the sum of |z|, which should not grow with the width
    as fast as it does for entries of unit size.

    Args:
        tasks: Names of the trained tasks.
        width: Length of an embedding.
    """

    def __init__(self, tasks: Sequence[str], width: int = 64) -> None:  # paper: w³, 343 at 7
        if not tasks or width < 1:
            raise ValueError(
                f"`tasks` must be names and `width` positive, found {list(tasks)} and {width}: "
                "there is an embedding of that width per task."
            )
        super().__init__(tasks, torch.randn(len(tasks), width) / width**0.5)

    def forward(self, omega: Float[Tensor, "stream source"]) -> Float[Tensor, "stream embedding"]:
        """Returns z of every row of ω, whatever device and precision ω comes in."""
        tasks = len(self.tasks)
        if omega.shape[1] != tasks:
            raise ValueError(
                f"`omega` must have a column for each of the {tasks} trained tasks, found "
                f"{omega.shape[1]} columns: a task that was not trained adds a row, not a column."
            )
        return omega.to(self.rows) @ self.rows
