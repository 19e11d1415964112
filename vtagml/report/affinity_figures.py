"""Affinities side by side, of two runs or of one run over training."""

from collections.abc import Mapping, Sequence

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
    tasks, runs = comparison.tasks, {"A": comparison.first, "B": comparison.second}
    columns = {f" of {a}: {run.name[:LONGEST]}": run.among(tasks) for a, run in runs.items()}
    return _drawn(columns, tasks)


def strip(learned: Learned, count: int = STRIP) -> Figure | None:
    """Draws S above and ω below at some steps of the training, the last among them.

    Returns:
        None where the run kept no history.
    """
    if not learned.history:
        return None
    columns = {f", step {record.step}": record.named for record in learned.thinned(count)}
    return _drawn(columns, learned.tasks)


def _drawn(columns: Mapping[str, Mapping[str, Matrix]], tasks: Sequence[str]) -> Figure:
    rows = [
        [(torch.from_numpy(own[name]), name + about, scale) for about, own in columns.items()]
        for name, scale in SCALES.items()
    ]
    return affinity_grid(rows, tasks)
