"""Affinities side by side, of two runs or of one run over training."""

import torch
from matplotlib.figure import Figure

from vtagml.drawing import OMEGA as OMEGA_SCALE
from vtagml.drawing import SIMILARITY as SIMILARITY_SCALE
from vtagml.drawing import affinity_grid
from vtagml.report.affinities import OMEGA, SIMILARITY, AffinityComparison, Learned

SCALES = {SIMILARITY: SIMILARITY_SCALE, OMEGA: OMEGA_SCALE}
STRIP = 6
LONGEST = 32  # Letters of a name that fit above a matrix.


def side_by_side(comparison: AffinityComparison) -> Figure:
    """Draws S above and ω below, the first run left and the second right."""
    runs = {"A": comparison.first, "B": comparison.second}
    rows = [
        [
            (
                torch.from_numpy(run.among(comparison.tasks)[name]),
                f"{name} of {letter}: {run.name[:LONGEST]}",
                scale,
            )
            for letter, run in runs.items()
        ]
        for name, scale in SCALES.items()
    ]
    return affinity_grid(rows, comparison.tasks)


def strip(learned: Learned, count: int = STRIP) -> Figure | None:
    """Draws S above and ω below at some steps of the training, the last among them.

    Returns:
        None where the run kept no history.
    """
    if not learned.history:
        return None
    rows = [
        [
            (torch.from_numpy(record.named[name]), f"{name}, step {record.step}", scale)
            for record in learned.thinned(count)
        ]
        for name, scale in SCALES.items()
    ]
    return affinity_grid(rows, learned.tasks)
