"""Affinities of two runs, compared as objects: distance and rank correlation, by task name."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch

from vtagml.affinity.transfer import positions, read_state, restricted, square, stochastic
from vtagml.run_files import cut
from vtagml.run_folder import AFFINITY, RunFolder

SIMILARITY, OMEGA = "S", "ω"
RECORDED = {SIMILARITY: "similarity", OMEGA: "omega"}
FEWEST = 3  # Two ranks always agree or disagree wholly.
FEWEST_DRAWN = 10  # Of three pairs there are ten different samples, of ten pairs enough.
SAMPLES = 1000
PERCENTILES = (2.5, 97.5)

Matrix = npt.NDArray[np.float64]


class Matrices(NamedTuple):
    """S and ω as [target, source], by name.

    Attributes:
        step: Of the training, None where the file does not say.
        named: NaN in S where a pair was never observed.
    """

    step: int | None
    named: Mapping[str, Matrix]


@dataclass(frozen=True)
class Learned:
    """The affinities that one run left.

    Attributes:
        path: The file.
        kind: Class and settings of the affinity.
        tasks: In the order of the matrices.
        step: At the end of the training, None where the file does not say.
        matrices: S and ω there.
        history: Over the training; may be empty.
    """

    path: Path
    kind: str
    tasks: tuple[str, ...]
    step: int | None
    matrices: Mapping[str, Matrix]
    history: Sequence[Matrices]

    @property
    def name(self) -> str:
        parent = self.path.resolve().parent.name
        return parent if self.path.name == AFFINITY else self.path.stem

    def among(self, tasks: Sequence[str]) -> Mapping[str, Matrix]:
        """The matrices of some of the tasks; the rows of ω sum to one among them, too."""
        order = positions(tasks, self.tasks)
        omega = restricted(torch.from_numpy(self.matrices[OMEGA]), order).numpy()
        return {SIMILARITY: self.matrices[SIMILARITY][np.ix_(order, order)], OMEGA: omega}

    def thinned(self, count: int) -> Sequence[Matrices]:
        """So many records of the history, its first and last among them; the last without one."""
        if not self.history:
            return [Matrices(self.step, self.matrices)]
        places = np.linspace(0, len(self.history) - 1, min(count, len(self.history)))
        return [self.history[round(place)] for place in places]


def read_learned(path: Path) -> Learned:
    """Reads the affinities of a run folder, or of an `affinity.json`."""
    file = RunFolder(path).affinity if path.is_dir() else path
    if path.is_dir() and not file.is_file():
        raise FileNotFoundError(
            f"`--affinities` must be run folders or affinity files, found no `{AFFINITY}` in "
            f"`{path}`: a run that trains several tasks writes one."
        )
    try:
        state: Mapping[str, Any] = cast(Mapping[str, Any], read_state(file))
        tasks = tuple(state["tasks"])
        similarity = square("similarity", state["similarity"], tasks).numpy()
        observed = square("observations", state["observations"], tasks).numpy()
        named = {
            SIMILARITY: np.where(observed > 0, similarity, np.nan),
            OMEGA: stochastic("omega", state["omega"], tasks).numpy(),
        }
        history = [_record(record, len(tasks)) for record in state.get("history") or ()]
    except (ValueError, TypeError) as error:
        raise ValueError(f"`{file}` does not hold affinities. {error}") from None
    settings = ", ".join(f"{name}={value}" for name, value in state["settings"].items())
    kind = f"{state['affinity']}({settings})"
    return Learned(file, kind, tasks, state.get("step"), named, history)


def _record(record: Mapping[str, Any] | None, side: int) -> Matrices:
    record = record or {}
    # JSON has no NaN: an unknown entry is null there and None here.
    named = {name: np.array(record.get(key), dtype=object) for name, key in RECORDED.items()}
    if record.get("step") is None or any(own.shape != (side, side) for own in named.values()):
        raise ValueError(
            "`history` must hold records of `step`, `omega` and `similarity`, matrices of "
            f"{side} × {side} numbers, found {cut(record)}."
        )
    return Matrices(record["step"], {name: own.astype(float) for name, own in named.items()})


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
    values = np.stack([[own[rows, columns], own[columns, rows]] for own in (first, second)])
    values = values[:, :, np.isfinite(values).all((0, 1))]
    pairs = values.shape[2]
    if pairs < FEWEST_DRAWN or math.isnan(spearman(values[0].ravel(), values[1].ravel())):
        return math.nan, math.nan
    drawn = np.random.default_rng(0).integers(pairs, size=(SAMPLES, pairs))
    samples = (values[:, :, places].reshape(2, -1) for places in drawn)
    correlations = [spearman(*sample) for sample in samples]
    # A sample of equal values has no correlation.
    low, high = np.nanpercentile(correlations, PERCENTILES)
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
        notes = []
        for one, other in ((self.first, self.second), (self.second, self.first)):
            if alone := [task for task in one.tasks if task not in other.tasks]:
                notes.append(f"Only `{one.path}` has {', '.join(alone)}: left out.")
        if notes:
            notes.append("After leaving tasks out, the rows of ω are made to sum to one again.")
        for run in (self.first, self.second):
            if np.isnan(run.among(self.tasks)[SIMILARITY]).any():
                notes.append(f"`{run.path}` has pairs that were never observed: left out.")
        for name, own in self.agreements.items():
            if not math.isnan(own.interval[0]):
                low, high = own.interval
                notes.append(
                    f"Spearman of {name}: {own.correlation:.2f}, from {low:.2f} to {high:.2f} in "
                    "95 % of bootstrap samples over pairs of tasks. Pairs that share a task are "
                    "not independent, and other seeds are not in it."
                )
        if math.isnan(self.agreements[OMEGA].correlation):
            notes.append("A rank correlation needs three entries and an ω that is not constant.")
        notes.append(
            "A pair counts twice among the entries, once per direction. The level of S depends on "
            "the network and rises while the decoders learn: ranks compare between networks, "
            "distances hardly."
        )
        return notes


def compare_affinities(first: Learned, second: Learned) -> AffinityComparison:
    """Compares what two runs learned, over the tasks of the same names."""
    tasks = tuple(task for task in first.tasks if task in second.tasks)
    if len(tasks) < 2:
        raise ValueError(
            f"`--affinities` must share at least two tasks, found {list(first.tasks)} in "
            f"`{first.path}` and {list(second.tasks)} in `{second.path}`."
        )
    one, other = first.among(tasks), second.among(tasks)
    agreements = {name: agreement(one[name], other[name]) for name in RECORDED}
    return AffinityComparison(first, second, tasks, agreements)
