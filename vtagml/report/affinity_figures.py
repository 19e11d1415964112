"""Affinities side by side, of two runs or of one run over training."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from vtagml.drawing import OMEGA as OMEGA_SCALE
from vtagml.drawing import SIMILARITY as SIMILARITY_SCALE
from vtagml.drawing import affinity_grid
from vtagml.report.affinities import OMEGA, SIMILARITY, AffinityComparison, Learned, Matrix

SCALES = {SIMILARITY: SIMILARITY_SCALE, OMEGA: OMEGA_SCALE}
STRIP = 6
LONGEST = 32  # Letters of a name that fit above a matrix.


def side_by_side(comparison: AffinityComparison) -> Figure:
    """Draws S above and ω below, the first run left and the second right."""
    tasks = comparison.tasks
    runs = [("A", comparison.first), ("B", comparison.second)]
    rows = [
        [
            (tensor(run.among(tasks)[name]), _title(name, letter, run), SCALES[name])
            for letter, run in runs
        ]
        for name in (SIMILARITY, OMEGA)
    ]
    return affinity_grid(rows, tasks)


def _title(name: str, letter: str, run: Learned) -> str:
    return f"{name} of {letter}: {run.name[:LONGEST]}"


def strip(learned: Learned, count: int = STRIP) -> Figure | None:
    """Draws S above and ω below at some steps of the training, the last among them.

    Returns:
        None where the run kept no history.
    """
    if not learned.history:
        return None
    places = np.linspace(0, len(learned.history) - 1, min(count, len(learned.history)))
    records = [learned.history[round(place)] for place in places]
    rows = [
        [
            (tensor(matrix(record[key])), f"{name}, step {record['step']}", SCALES[name])
            for record in records
        ]
        for name, key in ((SIMILARITY, "similarity"), (OMEGA, "omega"))
    ]
    return affinity_grid(rows, learned.tasks)


def matrix(values: Sequence[Sequence[float | None]]) -> Matrix:
    # JSON has no NaN: an unknown entry is null there and None here.
    return np.array(values, dtype=object).astype(np.float64)


def tensor(values: Matrix) -> torch.Tensor:
    return torch.from_numpy(values.copy())
