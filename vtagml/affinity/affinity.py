"""The base of all affinities: tracks the similarity S of tasks; siblings say what ω follows."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
import torch.distributed
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from vtagml.affinity.gram import Gram, exact_device
from vtagml.affinity.transfer import (
    AffinityState,
    Matrix,
    positions,
    restricted,
    square,
    stochastic,
)
from vtagml.ranks import distributed

HORIZON = 50  # Observations that the running mean S looks back on: one step's cosine is noise.
STEPS_BETWEEN_LOOKS = 50  # On an accelerator; see `_report`.

logger = logging.getLogger(__name__)


class Affinity(nn.Module, ABC):
    """Task similarities S and affinities ω from the gradients at the fork, TROA (Sec. 3.2.1).

    Everywhere ω is `omega[target, source]`: row t says how much each source task n counts for the
    target t, and rows sum to one. S is the running mean of the cosines over about fifty
    observations, corrected for its start, so the first observation counts fully; a pair that was
    never observed has S = 0.

    A sibling overrides `affinities`, and `learn` if its ω follows the observations.

    Note:
        The cosines are symmetric, and a task's own cosine is the largest, so what a row takes from
        a source a column gives back: the loss weights w_n = Σ_t ω_tn stay near 1 whatever the
        settings (between 0.92 and 1.05 where it was measured). Affinities act through the task
        embeddings that ω averages, hardly through the loss weights.

        The cosines rank pairs of tasks; their level rises while the decoders learn and is not
        comparable between networks.

    Args:
        tasks: Names of the tasks, in the order of the rows and columns.
    """

    learns = False
    """Whether ω follows the gradients, so that these must be each task's own."""

    without_common_images = ""
    """What it means to it that tasks never have a label on the same image, in a sentence."""

    similarity: Matrix
    observations: Int64[Tensor, "task source"]
    skipped: Int64[Tensor, "task source"]
    steps: Int64[Tensor, ""]

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        if isinstance(tasks, str) or not tasks or len(set(tasks)) != len(tasks):
            raise ValueError(
                f"`tasks` must be a list of different task names, at least one; found {tasks!r}."
            )
        self.tasks = tuple(tasks)
        self.last_cosines: Matrix | None = None  # of one step, to look at
        self._looks = 0
        self._reported: dict[tuple[str, str], int] = {}
        count = len(self.tasks)
        self.register_buffer("similarity", torch.zeros(count, count, dtype=torch.float64))
        self.register_buffer("observations", torch.zeros(count, count, dtype=torch.int64))
        self.register_buffer("skipped", torch.zeros(count, count, dtype=torch.int64))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.device = self.steps.device

    @abstractmethod
    def affinities(self) -> Matrix:
        """ω in float64. The hook that a sibling overrides."""

    def see(self, step: int, losses: Float[Tensor, " task"]) -> None:
        """Is shown this rank's losses of every batch, before the weights are asked for.

        Here it looks away.

        Args:
            step: The optimiser step that the batch belongs to, counted from zero.
            losses: Without a graph, and without the tasks' fixed weights.
        """

    def learn(self, cosines: Matrix) -> None:
        """Lets ω follow the cosines of one step, NaN where undefined. Here it does not."""

    def adopt(self, omega: Matrix, mean: Matrix | None = None) -> None:
        """Goes on from the ω, and if it is known the E, of another run.

        Here it has no effect, since ω is not learned.
        """

    @property
    def settings(self) -> dict[str, int | float]:
        """The numbers that tell this affinity from others of its class."""
        return {}

    @property
    def omega(self) -> Float32[Tensor, "task source"]:
        """ω, `omega[target, source]`; rows sum to one."""
        return self.affinities().to(self.device, torch.float32)

    @property
    def weights(self) -> Float32[Tensor, " task"]:
        """Loss weight w_n = Σ_t ω_tn of each task, of mean one: the column sums of ω by default."""
        return self.affinities().sum(0).to(self.device, torch.float32)

    @torch.no_grad()
    def observe(self, gram: Gram) -> None:
        """Takes in the gradients of one optimiser step, summed over micro-batches and ranks.

        A pair without a usable gradient (zero, absent, not finite) keeps its similarity and its
        place in ω; it is counted in `skipped`, and logged now and then. The cosines belong to the
        parameters before the step, so ω lags one step behind.
        """
        if gram.dots.shape != self.similarity.shape:
            raise ValueError(
                f"`gram` must be of the {len(self.tasks)} tasks {list(self.tasks)}; found one of "
                f"{len(gram.dots)}. Give the encoder's fork and the affinity the same tasks."
            )
        cosines = gram.to(self.similarity.device).cosines()
        self.last_cosines = cosines
        seen = ~cosines.isnan()
        self.steps += 1
        self.observations += seen
        self.skipped += ~seen
        forgotten = 1 - 1 / HORIZON
        rate = (1 - forgotten) / (1 - forgotten ** self.observations.clamp(min=1).double())
        moved = (self.similarity + rate * (cosines - self.similarity)).clamp(-1.0, 1.0)
        self.similarity.copy_(torch.where(seen, moved, self.similarity))
        self.learn(cosines)
        self._report()

    def state(self) -> AffinityState:
        """What was learned, as numbers and names that JSON holds; another run reads it back."""
        return {
            "affinity": type(self).__name__,
            "tasks": list(self.tasks),
            "similarity": self.similarity.tolist(),
            "observations": self.observations.tolist(),
            "omega": self.affinities().tolist(),
            "settings": self.settings,
        }

    @torch.no_grad()
    def load(self, state: AffinityState) -> None:
        """Starts from what another run learned; its tasks are matched by name.

        The state may hold more tasks than this affinity, in any order; the rows of ω are then made
        to sum to one again. The settings stay this affinity's own. To resume the same run exactly
        use the `state_dict`.
        """
        tasks = state["tasks"]
        order = positions(self.tasks, tasks)
        similarity = square("similarity", state["similarity"], tasks)[order][:, order]
        observations = square("observations", state["observations"], tasks)[order][:, order]
        omega = restricted(stochastic("omega", state["omega"], tasks), order)
        self.similarity.copy_(similarity.clamp(-1.0, 1.0))
        self.observations.copy_(observations)
        mean = None
        if "exponential_mean" in state:
            mean = square("exponential_mean", state["exponential_mean"], tasks)[order][:, order]
            mean = mean.to(self.similarity.device)
        self.adopt(omega.to(self.similarity.device), mean)

    def _report(self) -> None:
        """Warns when a pair is skipped for the first, tenth, hundredth … time."""
        # To read a counter waits for an accelerator, so it is looked at only once in a while there.
        self._looks += 1
        if self.skipped.device.type != "cpu" and self._looks % STEPS_BETWEEN_LOOKS != 1:
            return
        counts = self.skipped.tolist()
        due = []
        for target, row in enumerate(counts):
            for source, count in enumerate(row[: target + 1]):
                pair = (self.tasks[source], self.tasks[target])
                if count >= self._reported.get(pair, 1):
                    self._reported[pair] = 10 ** len(str(count))
                    due.append(f"{pair[0]}-{pair[1]} ({count})")
        if due and _is_first_rank():
            logger.warning(
                "No usable gradient (zero, absent or not finite) for these pairs of tasks, in so "
                "many steps: %s. They keep their similarity. This is normal for tasks that never "
                "have labels on the same image.%s",
                ", ".join(due),
                self.without_common_images,
            )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Affinity":
        # The state follows the network to its device but not to a lower precision: in bfloat16 a
        # running mean stands still.
        self.device = fn(torch.empty(0, device=self.device)).device
        for name, buffer in self.named_buffers(recurse=False):
            setattr(self, name, buffer.to(exact_device(self.device)))
        return self

    def extra_repr(self) -> str:
        settings = [f"{name}={value}" for name, value in self.settings.items()]
        return ", ".join([f"tasks={list(self.tasks)}", *settings])


def _is_first_rank() -> bool:
    return not distributed() or torch.distributed.get_rank() == 0
