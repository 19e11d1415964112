"""Affinities of a page: S and ω over training, and their colours."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from vtagml.report.affinities import read_learned
from vtagml.report.affinity_figures import SCALES
from vtagml.run_files import is_there
from vtagml.run_folder import AFFINITY, RunFolder

MOST = 240  # Matrices of a page; a slider has few more places.
STOPS = 21
DIGITS = 4


def scales() -> dict[str, Any]:
    """The colours of both matrices, as the heat maps of the run have them."""
    return {
        name: {
            "low": scale.lowest,
            "high": scale.highest,
            "colours": [*map(to_hex, colormaps[scale.colours](np.linspace(0, 1, STOPS)))],
        }
        for name, scale in SCALES.items()
    }


def affinities(folder: Path) -> dict[str, Any]:
    """Returns the matrices of a run by step, or why there are none."""
    if not is_there(RunFolder(folder).affinity):
        return {
            "missing": f"This run has no `{AFFINITY}`: a run that trains several tasks writes one "
            "with the callback `AffinityHeatmap`."
        }
    learned = read_learned(RunFolder(folder).affinity)
    remarks = []
    if not learned.history:
        remarks.append("The file has no history, so only the last matrices can be shown.")
    if len(learned.history) > MOST:
        remarks.append(f"{MOST} of {len(learned.history)} records are shown.")
    return {
        "tasks": list(learned.tasks),
        "kind": learned.kind,
        "records": [
            {"step": step, **{name: np.round(own, DIGITS) for name, own in named.items()}}
            for step, named in learned.thinned(MOST)
        ],
        "said": " ".join(remarks),
    }
