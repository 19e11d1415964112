"""TorchJD's weightings, from the Gram matrix that the fork brings at no cost."""

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from vtagml.affinity.gram import Gram
from vtagml.affinity.transfer import Matrix
from vtagml.affinity.weighting import SMALLEST, Losses, Weighting

CPU = torch.device("cpu")


class GramianWeighting(Weighting):
    """Loss weights that an aggregator of TorchJD makes of the tasks' Gram matrix.

    An aggregator combines the tasks' gradients g_n to Σ_n w_n·g_n, where w depends on the inner
    products <g_t, g_n> alone: `UPGrad`, `MGDA`, `CAGrad`, `PCGrad`, `AlignedMTL`, `IMTLG`,
    `DualProj`, `NashMTL`, `FairGrad`, `Krum`, and `Random`, whose weights depend on nothing.
    Here g_n is the gradient of c_n·L_n at the fork, with the task's fixed weight c_n.

    Note:
        The inner products are known after the backward, so the weights are those of the step
        before, as with every affinity here; those that were applied are divided out. TorchJD's
        `mtl_backward` weighs the same step, at the price of a backward per task.

        Weights are made to have the mean one: their direction is TorchJD's, their length is the
        learning rate's. The losses are weighted, decoders included, so a weight that is negative
        (IMTL-G's may be) or zero (MGDA's are often) becomes a thousandth.

        A further term of the objective (`Adversarial`, `QualityRetaining`) that comes back at the
        fork carries no w_n and is divided by it all the same: with small weights it counts for
        more than it is.

        A task without a usable gradient in a step keeps its weight, the others are weighed
        without it. `NashMTL` starts from equal weights in every step, not from the last ones.

        Gradients at the fork belong to images. Tasks that never have labels on the same one, those
        of a `Mixture`, are perpendicular there, so that UPGrad, DualProj and PCGrad weigh them
        alike: take `vtagml.callbacks.JacobianAggregation`, for gradients of parameters.

        TorchJD solves on the CPU, for which an accelerator waits once a step.

    Args:
        tasks: Names of the tasks.
        aggregator: A weighted aggregator of `torchjd.aggregation`.
        seed: Of those that draw at random, together with the step.
    """

    learns = True
    without_common_images = (
        " Such tasks are perpendicular to this weighting; `vtagml.callbacks.JacobianAggregation` "
        "has their gradients of the shared parameters, which are not."
    )

    def __init__(self, tasks: Sequence[str], aggregator: nn.Module, seed: int = 0) -> None:
        super().__init__(tasks)
        self.aggregator, self.seed = aggregator, seed
        self.weighting = _of_gramian(aggregator)

    @torch.no_grad()
    def observe(self, gram: Gram) -> None:
        super().observe(gram)
        applied = self.loss_weights.to(CPU)
        dots = gram.to(CPU).dots / (applied[:, None] * applied)
        own = dots.diagonal()
        known = (own > 0) & own.isfinite()
        found = self.solve(dots[known][:, known]) if known.sum() > 1 else applied[known]
        if not found.isfinite().all() or not found.sum() > 0:
            return
        found = (found / found.mean()).clamp(min=SMALLEST)
        applied[known] = found / found.mean()
        self.loss_weights.copy_(applied)

    def solve(self, gramian: Matrix) -> Losses:
        """TorchJD's weights, of any length, the same on every rank and in a resumed run."""
        # Some take small gradients for none.
        gramian = gramian / gramian.diagonal().amax()
        with afresh(self.aggregator, len(gramian), drawn(self.seed, int(self.steps))):
            return self.weighting(gramian)

    @property
    def settings(self) -> dict[str, int | float]:
        return {"seed": self.seed}


def _of_gramian(aggregator: nn.Module) -> Callable[[Tensor], Tensor]:
    """What gives an aggregator's weights for a Gram matrix.

    Those that ask for the Jacobian itself get a root of it, whose rows have its inner products.
    """
    from torchjd import Stateful
    from torchjd.aggregation import GramianWeightedAggregator, NashMTL, Random

    if isinstance(aggregator, NashMTL | Random):

        def of_root(gramian: Tensor) -> Tensor:
            return aggregator.weighting(root(gramian))

        return of_root
    if not isinstance(aggregator, GramianWeightedAggregator) or isinstance(aggregator, Stateful):
        raise ValueError(
            "`aggregator` must be one of `torchjd.aggregation` whose weights depend on this step's "
            f"Gram matrix alone, such as `UPGrad` or `NashMTL`, found {type(aggregator).__name__}. "
            "For one that needs the gradients themselves take the callback "
            "`vtagml.callbacks.JacobianAggregation`."
        )
    return aggregator.gramian_weighting


@contextmanager
def afresh(
    aggregator: nn.Module, tasks: int, seed: int, device: torch.device = CPU
) -> Iterator[None]:
    """In it an aggregator depends on nothing but what it is given, and the seed.

    `NashMTL`, which has a size and starts from its last weights, begins with equal ones.
    """
    from torchjd.aggregation import NashMTL

    accelerated = device.type == "cuda"
    with (
        torch.random.fork_rng([device] if accelerated else []),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "You are solving a parameterized problem")
        (torch if accelerated else torch.default_generator).manual_seed(seed)
        if isinstance(aggregator, NashMTL):
            aggregator.n_tasks = tasks
            aggregator.reset()
        yield


def drawn(seed: int, step: int) -> int:
    """A seed of its own for every step."""
    return random.Random(f"{seed} {step}").getrandbits(32)


def root(gramian: Matrix) -> Matrix:
    """R with R·Rᵀ = G: rows with given inner products."""
    squares, directions = torch.linalg.eigh(gramian)
    return directions * squares.clamp(min=0).sqrt()
