"""The paper's affinity: mirror descent on the similarity of task gradients (Sec. 3.2.1)."""

import math
from collections.abc import Sequence
from os import PathLike
from typing import ClassVar

import torch
from jaxtyping import Int64
from torch import Tensor

from vtagml.affinity.from_file import FromFile
from vtagml.affinity.transfer import AffinityState, Matrix
from vtagml.run_files import LARGEST

SMALLEST_WEIGHT = 1e-300  # Stands for a zero in ω, whose logarithm must be finite.
LARGEST_LOG_WEIGHT = 1e300  # The difference of two such numbers must be finite, too.
LARGEST_SHIFT = 1e8  # Added to log ω in float64, a larger one would round ω away.


class TROA(FromFile):
    """ω by mirror descent regularised towards uniform, Algorithm 1 with two repairs.

    Every `every` steps, with sim the mean cosine of these steps,

        ω^{i+1}_t ∝ (ω^i_t)^{1-ρ} · (1/N)^ρ · exp(κ·sim_t),

    which for ρ > 0 is exactly ω_t = softmax((κ/ρ)·E_t), E the exponential mean of sim with rate ρ
    that starts at zero. The state is L = (κ/ρ)·E, as L ← (1-ρ)·L + κ·sim; a pair without a usable
    gradient in the window keeps its L.

    Note:
        Sign. The paper prints exp(-κ·sim), under which the least similar task wins, against the
        paper's own figure and text. TAWT, on which TROA builds, descends along minus the cosine,
        which is exp(+κ·sim). We follow TAWT; `PrintedTROA` is the other.

        Collapse. A task's cosine with itself is 1, the largest, so without regularisation
        (ρ = 0, the paper's formula) ω becomes the identity matrix within ten updates or so. With
        ρ > 0 it comes to rest at softmax((κ/ρ)·sim) and stays informative: at ρ = 0.3 the diagonal
        was measured at 0.7 to 0.9, at ρ = 0.1 it is nearly one.

        Warm-up. The gradients at the fork pass through the decoders, which start random, so the
        cosines of the first steps say little; ω stays uniform until `start` steps are over.

    Args:
        tasks: Names of the tasks.
        kappa: Step size κ of the mirror descent.
        rho: Pull ρ towards uniform in each update, from 0 (none) to 1 (no memory).
        start: Observed steps before the first window is opened.
        every: Steps in a window, that is between two updates.
        initial: The `affinity.json` of another run, to start from its S and ω instead of from
            uniform; tasks are matched by name. Whoever loads a checkpoint can do without the file.
    """

    taken: ClassVar[str] = "log_weights"
    log_weights: Matrix
    window_sum: Matrix
    window_count: Int64[Tensor, "task source"]

    learns = True

    def __init__(
        self,
        tasks: Sequence[str],
        kappa: float = 1.0,  # Sec. 3.2.1
        rho: float = 0.3,  # paper: 0
        start: int = 100,  # paper: 0
        every: int = 10,  # paper: after "a few steps of Adam"
        initial: str | PathLike[str] | None = None,
    ) -> None:
        super().__init__(tasks)
        _check(kappa, rho, start, every)
        self.kappa = kappa
        self.rho = rho
        self.start = start
        self.every = every
        self.register_buffer("log_weights", torch.zeros_like(self.similarity))
        self.register_buffer("window_sum", torch.zeros_like(self.similarity))
        self.register_buffer("window_count", torch.zeros_like(self.observations))
        if initial is not None:
            self.start_from(initial)

    def take(self, state: AffinityState) -> None:
        self.load(state)

    def direction(self, similarity: Matrix) -> Matrix:
        """What the log-weights grow along: the similarity itself."""
        return similarity

    def affinities(self) -> Matrix:
        self.arrive()
        return self.log_weights.softmax(1)

    def learn(self, cosines: Matrix) -> None:
        # Branch-free, so that no step waits for the device to learn whether an update is due.
        collecting = self.steps > self.start
        usable = collecting & ~cosines.isnan()
        self.window_sum += torch.where(usable, cosines, 0.0)
        self.window_count += usable
        due = collecting & ((self.steps - self.start) % self.every == 0)
        mean = self.window_sum / self.window_count.clamp(min=1)
        # Not normalised: a shift by row would let the pairs that decay drift against those that
        # are kept. |L| is at most κ/ρ, and κ times the number of updates for ρ = 0.
        moved = (1 - self.rho) * self.log_weights + self.kappa * self.direction(mean)
        moved = moved.clamp(-LARGEST_LOG_WEIGHT, LARGEST_LOG_WEIGHT)
        self.log_weights.copy_(torch.where(due & (self.window_count > 0), moved, self.log_weights))
        self.window_sum.masked_fill_(due, 0.0)
        self.window_count.masked_fill_(due, 0)

    def adopt(self, omega: Matrix, mean: Matrix | None = None) -> None:
        """Sets L = log ω + log Σ_n exp((κ/ρ)·E_n), by row: the L of this ω at the level of E.

        ω leaves a shift of each row of L open, but a pair without gradients keeps its L while the
        others decay to theirs. With this run's own ω and E, L is what it was. Without E, S stands
        for it, as it does once ω is at rest. Without a pull, ρ = 0, L has no rest and no decay, and
        a shift has no effect.
        """
        if mean is None:
            mean = self.direction(self.similarity)
        rest = self.kappa * mean / self.rho if self.rho > 0 else torch.zeros_like(mean)
        level = rest.clamp(-LARGEST_SHIFT, LARGEST_SHIFT).logsumexp(1, keepdim=True)
        self.log_weights.copy_(omega.clamp(min=SMALLEST_WEIGHT).log() + level)

    def state(self) -> AffinityState:
        # Of E, not L, since E does not depend on κ and ρ, which may be others in the next run.
        state = super().state()
        if self.rho > 0:
            mean = self.rho * self.log_weights / self.kappa
            # Whatever κ is, a file holds no number that its reader would take for damage.
            state["exponential_mean"] = mean.clamp(-LARGEST, LARGEST).tolist()
        return state

    @property
    def settings(self) -> dict[str, int | float]:
        return {"kappa": self.kappa, "rho": self.rho, "start": self.start, "every": self.every}


def _check(kappa: float, rho: float, start: int, every: int) -> None:
    if not (kappa > 0 and math.isfinite(kappa)):
        raise ValueError(
            f"`kappa` must be a positive number, found {kappa}. For the paper's printed sign use "
            "`PrintedTROA`, for an affinity that does not learn use `Uniform`."
        )
    if not 0 <= rho <= 1:
        raise ValueError(f"`rho` must be from 0 (no pull) to 1 (no memory), found {rho}.")
    if start < 0:
        raise ValueError(f"`start` must be 0 or a number of steps, found {start}.")
    if every < 1:
        raise ValueError(f"`every` must be at least 1 step, found {every}.")
