"""Gradient conflicts of methods: how often two tasks pull apart, and how that moves in training."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vtagml.metrics.unit import percent
from vtagml.report.formats import Sheet
from vtagml.report.logs import LAST_STEP
from vtagml.report.methods import Method
from vtagml.run_files import Form, is_there, read_json
from vtagml.run_folder import RunFolder

PLACES = {"shared": "shared parameters", "fork": "features at the fork"}
"""Where gradients are compared, as files name it and as people do."""
FORM: Form = {
    "tasks": [str],
    "places": {str: {"counts": [[int]]}},
    "history": [{"step": int, **{place: [float] for place in PLACES}}],
}
MOST_BINS = 10_000
SHARE = percent("")

Pair = tuple[str, str]
Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Conflicts:
    """What the runs of one method counted.

    Attributes:
        tasks: In the order of the pairs.
        counts: By place, `[pair, bin]`: how many steps fell into each of an even number of equal
            bins from -1 to 1.
        history: Records of a `step` and, by place, a cosine per pair.
    """

    tasks: tuple[str, ...]
    counts: Mapping[str, Counts]
    history: Sequence[Mapping[str, Any]]

    @property
    def pairs(self) -> list[Pair]:
        return list(combinations(self.tasks, 2))

    def below_zero(self, place: str) -> list[float]:
        """The share of negative cosines of each pair; NaN where there is none at all."""
        counts = self.counts[place]
        return [_share(own[: len(own) // 2].sum(), own.sum()) for own in counts]

    def course(self, place: str, parts: int) -> list[tuple[float, float]]:
        """Share of negative cosines of all pairs, in so many equal parts of the training.

        Returns:
            The middle step of each part that has any, and the share.
        """
        known = [
            (record["step"], cosine < 0)
            for record in self.history
            for cosine in record.get(place) or ()
            if cosine is not None
        ]
        if not known:
            return []
        steps, negative = (np.array(own) for own in zip(*known, strict=True))
        edges = np.linspace(0, steps.max() + 1, parts + 1)
        measured, below = (np.histogram(own, edges)[0] for own in (steps, steps[negative]))
        middles = (edges[:-1] + edges[1:]) / 2
        return [
            (float(middle), float(part / whole))
            for middle, part, whole in zip(middles, below, measured, strict=True)
            if whole
        ]


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else math.nan


def read_conflicts(folder: Path) -> Conflicts | None:
    """Returns what a run counted, None where it counted nothing.

    Raises:
        ValueError: The file is not what the callback `GradientConflicts` writes.
    """
    file = RunFolder(folder).conflicts
    content = (read_json(file, FORM) if is_there(file) else None) or {}
    tasks = tuple(content.get("tasks") or ())
    pairs = len(tasks) * (len(tasks) - 1) // 2
    if not pairs:
        return None
    found = {}
    for place in PLACES.keys() & (content.get("places") or {}).keys():
        counts = (content["places"][place] or {}).get("counts") or []
        bins = {len(own or ()) for own in counts}
        if len(counts) != pairs or len(bins) != 1 or not _even(*bins):
            raise ValueError(
                f"`places.{place}.counts` in `{file}` must hold an even number of bins for each of "
                f"the {pairs} pairs of tasks, found {len(counts)} lists of {sorted(bins)} numbers."
            )
        found[place] = np.array(counts, dtype=float)
    history = [record for record in content.get("history") or () if _fits(record, pairs)]
    return Conflicts(tasks, {place: found[place] for place in PLACES if place in found}, history)


def _even(bins: int) -> bool:
    return 0 < bins <= MOST_BINS and bins % 2 == 0


def _fits(record: Mapping[str, Any] | None, pairs: int) -> bool:
    """Whether a record has a step that a run can get to, and a cosine per pair where it has any."""
    if not record or (step := record.get("step")) is None or not 0 <= step <= LAST_STEP:
        return False
    return all(len(record.get(place) or range(pairs)) == pairs for place in PLACES)


def of_methods(methods: Sequence[Method]) -> dict[str, Conflicts]:
    """Returns what each method counted, its runs together; methods that did not are left out."""
    return {method.name: own for method in methods if (own := _of_method(method)) is not None}


def _of_method(method: Method) -> Conflicts | None:
    together: Conflicts | None = None
    for run in method.runs:
        try:
            own = read_conflicts(run.folder)
        except (OSError, ValueError):  # a damaged file costs what was counted there
            continue
        if own is not None:
            together = own if together is None else _added(together, own)
    return together


def _added(first: Conflicts, second: Conflicts) -> Conflicts:
    """Both together; where they are not of one kind the first alone."""
    shapes = [{place: own.shape for place, own in each.counts.items()} for each in (first, second)]
    if first.tasks != second.tasks or shapes[0] != shapes[1]:
        return first
    counts = {place: own + second.counts[place] for place, own in first.counts.items()}
    return Conflicts(first.tasks, counts, [*first.history, *second.history])


def conflict_sheet(found: Mapping[str, Conflicts]) -> Sheet:
    """The share of negative cosines by method, place and pair of tasks."""
    headings: dict[frozenset[str], str] = {}
    for own in found.values():
        for first, second in own.pairs:
            headings.setdefault(frozenset((first, second)), f"{first}, {second} %")
    rows = []
    for name, own in found.items():
        pairs = list(map(frozenset, own.pairs))
        for place in own.counts:
            shares = dict(zip(pairs, own.below_zero(place), strict=True))
            cells = (SHARE.written(shares.get(pair, math.nan)) for pair in headings)
            rows.append((name, PLACES[place], *cells))
    return Sheet(("method", "gradients of", *headings.values()), tuple(rows))
