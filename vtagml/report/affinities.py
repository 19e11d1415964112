"""Affinities of two runs, compared as objects: distance and rank correlation, by task name."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from vtagml.affinity.transfer import (
    AffinityState,
    positions,
    read_state,
    restricted,
    square,
    stochastic,
)
from vtagml.run_files import cut
from vtagml.run_folder import AFFINITY

SIMILARITY, OMEGA = "S", "ω"
FEWEST = 3  # Two ranks always agree or disagree wholly.
FEWEST_DRAWN = 10  # Of three pairs there are ten different samples, of ten pairs enough.
SAMPLES = 1000
PERCENTILES = (2.5, 97.5)

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Learned:
    """The affinities that one run left.

    Attributes:
        path: The file.
        kind: Class and settings of the affinity.
        tasks: In the order of the matrices.
        matrices: S and ω as [target, source]; NaN in S where a pair was never observed.
        history: The records over training, as the file has them; may be empty.
        step: Of the matrices, None where the file does not say.
    """

    path: Path
    kind: str
    tasks: tuple[str, ...]
    matrices: Mapping[str, Matrix]
    history: Sequence[Mapping[str, Any]]
    step: int | None

    @property
    def name(self) -> str:
        parent = self.path.resolve().parent.name
        return parent if self.path.name == AFFINITY else self.path.stem

    def among(self, tasks: Sequence[str]) -> Mapping[str, Matrix]:
        """The matrices of some of the tasks; the rows of ω sum to one among them, too."""
        return _chosen(self.matrices, self.tasks, tasks)


def read_learned(path: Path) -> Learned:
    """Reads the affinities of a run folder, or of an `affinity.json`."""
    file = path / AFFINITY if path.is_dir() else path
    if path.is_dir() and not file.is_file():
        raise FileNotFoundError(
            f"`--affinities` must be run folders or affinity files, found no `{AFFINITY}` in "
            f"`{path}`: a run that trains several tasks writes one."
        )
    try:
        state = read_state(file)
        similarity = _similarity(state)
        omega = stochastic("omega", state["omega"], state["tasks"]).numpy()
        history = _history(state)
    except FileNotFoundError:
        raise
    except (ValueError, TypeError) as error:
        raise ValueError(f"`{file}` does not hold affinities. {error}") from None
    step: Any = cast(Mapping[str, Any], state).get("step")
    settings = ", ".join(f"{name}={value}" for name, value in state["settings"].items())
    return Learned(
        path=file,
        kind=f"{state['affinity']}({settings})",
        tasks=tuple(state["tasks"]),
        matrices={SIMILARITY: similarity, OMEGA: omega},
        history=history,
        step=step,
    )


def _history(state: AffinityState) -> list[Mapping[str, Any]]:
    history: Any = cast(Mapping[str, Any], state).get("history") or []
    side = len(state["tasks"])
    for record in history:
        for name in ("step", "omega", "similarity"):
            if not record or record.get(name) is None:
                raise ValueError(
                    "`history` must hold records of `step`, `omega` and `similarity`, found "
                    f"{cut(record)}."
                )
            if name != "step" and [len(row or ()) for row in record[name]] != [side] * side:
                raise ValueError(
                    f"`history` must hold matrices of {side} × {side} numbers, found "
                    f"{cut(record[name])}."
                )
    return list(history)


def _similarity(state: AffinityState) -> Matrix:
    similarity = square("similarity", state["similarity"], state["tasks"]).numpy()
    observed = square("observations", state["observations"], state["tasks"]).numpy()
    return np.where(observed > 0, similarity, np.nan)


def _chosen(
    matrices: Mapping[str, Matrix], known: Sequence[str], tasks: Sequence[str]
) -> dict[str, Matrix]:
    order = positions(tasks, known)
    omega = restricted(torch.from_numpy(matrices[OMEGA]), order).numpy()
    return {SIMILARITY: matrices[SIMILARITY][np.ix_(order, order)], OMEGA: omega}


@dataclass(frozen=True)
class Agreement:
    """How two matrices over the same tasks compare.

    Attributes:
        frobenius: Root of the summed squares of all differences, over entries known in both.
        absolute: Mean absolute difference off the diagonal.
        correlation: Spearman's, off the diagonal; NaN where it is not defined.
        entries: How many entries off the diagonal are known in both.
        interval: Of the correlation, as `spearman_interval` gives it.
    """

    frobenius: float
    absolute: float
    correlation: float
    entries: int
    interval: tuple[float, float]


def agreement(first: Matrix, second: Matrix) -> Agreement:
    """Compares two matrices entry by entry, leaving out what one of them does not know.

    Spearman's correlation is Pearson's of the ranks, equal values sharing their mean rank. In a
    symmetric matrix each pair stands twice, which changes neither number. It is undefined for
    fewer than three entries off the diagonal, and for a constant matrix such as a uniform ω.
    """
    known = np.isfinite(first) & np.isfinite(second)
    apart = known & ~np.eye(len(first), dtype=bool)
    difference = first - second
    count = int(apart.sum())
    return Agreement(
        frobenius=math.sqrt(float((difference[known] ** 2).sum())),
        absolute=float(np.abs(difference[apart]).mean()) if count else math.nan,
        correlation=spearman(first[apart], second[apart]),
        entries=count,
        interval=spearman_interval(first, second),
    )


def spearman_interval(first: Matrix, second: Matrix) -> tuple[float, float]:
    """The 95 % percentile bootstrap over pairs of Spearman's correlation off the diagonal.

    The two entries of a pair are drawn together. The samples are the same in every call. NaN for
    fewer than ten pairs, and where the correlation itself is not defined.

    Note:
        Pairs with a task in common are not independent, and one network is one draw: the interval
        is what pairs of tasks like these would give, not what other seeds would; run those.
    """
    rows, columns = np.triu_indices(len(first), 1)
    values = np.stack([[each[rows, columns], each[columns, rows]] for each in (first, second)])
    values = values[:, :, np.isfinite(values).all((0, 1))]
    pairs = values.shape[2]
    if pairs < FEWEST_DRAWN or math.isnan(spearman(values[0].ravel(), values[1].ravel())):
        return math.nan, math.nan
    from scipy.stats import rankdata

    drawn = np.random.default_rng(0).integers(pairs, size=(SAMPLES, pairs))
    ranks = rankdata(values[:, :, drawn].swapaxes(1, 2).reshape(2, SAMPLES, -1), axis=2)
    ranks -= ranks.mean(2, keepdims=True)
    spread = np.sqrt((ranks**2).sum(2).prod(0))
    products = ranks.prod(0).sum(1)[spread > 0]  # a sample of equal values has no correlation
    low, high = np.percentile(products / spread[spread > 0], PERCENTILES)
    return float(low), float(high)


def spearman(first: Matrix, second: Matrix) -> float:
    """Spearman's rank correlation; NaN for fewer than three values or for equal ones only."""
    if len(first) < FEWEST or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    from scipy.stats import rankdata  # as slow to import as all the rest of a command

    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


@dataclass(frozen=True)
class AffinityComparison:
    """Two runs' affinities over the tasks that both have.

    Attributes:
        first: One run.
        second: The other.
        tasks: Of both, in the order of the first.
        agreements: Of S and of ω.
    """

    first: Learned
    second: Learned
    tasks: tuple[str, ...]
    agreements: Mapping[str, Agreement]

    @property
    def notes(self) -> list[str]:
        """What has to be said beside the numbers."""
        said = []
        for one, other in ((self.first, self.second), (self.second, self.first)):
            if alone := [task for task in one.tasks if task not in other.tasks]:
                said.append(f"Only `{one.path}` has {', '.join(alone)}: left out.")
        if len(said) > 0:
            said.append("After leaving tasks out, the rows of ω are made to sum to one again.")
        unknown = [each for each in (self.first, self.second) if _has_unknown(each, self.tasks)]
        said += [f"`{each.path}` has pairs that were never observed: left out." for each in unknown]
        for name, each in self.agreements.items():
            if not math.isnan(each.interval[0]):
                low, high = each.interval
                said.append(
                    f"Spearman of {name}: {each.correlation:.2f}, from {low:.2f} to {high:.2f} in "
                    "95 % of bootstrap samples over pairs of tasks. Pairs that share a task are "
                    "not independent, and other seeds are not in it."
                )
        if math.isnan(self.agreements[OMEGA].correlation):
            said.append("A rank correlation needs three entries and an ω that is not constant.")
        said.append(
            "A pair counts twice among the entries, once per direction. The level of S depends on "
            "the network and rises while the decoders learn: ranks compare between networks, "
            "distances hardly."
        )
        return said


def _has_unknown(learned: Learned, tasks: Sequence[str]) -> bool:
    return bool(np.isnan(learned.among(tasks)[SIMILARITY]).any())


def compare_affinities(first: Learned, second: Learned) -> AffinityComparison:
    """Compares what two runs learned, over the tasks of the same names."""
    tasks = tuple(task for task in first.tasks if task in second.tasks)
    if len(tasks) < 2:
        raise ValueError(
            f"`--affinities` must share at least two tasks, found {list(first.tasks)} in "
            f"`{first.path}` and {list(second.tasks)} in `{second.path}`."
        )
    one, other = first.among(tasks), second.among(tasks)
    found = {name: agreement(one[name], other[name]) for name in (SIMILARITY, OMEGA)}
    return AffinityComparison(first, second, tasks, found)
