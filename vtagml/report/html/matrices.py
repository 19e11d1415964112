"""Affinities of a page: S and ω over training, and their colours."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from vtagml.report.affinities import OMEGA, SIMILARITY, Learned, read_learned
from vtagml.report.affinity_figures import SCALES, matrix
from vtagml.run_files import is_there
from vtagml.run_folder import AFFINITY

MOST = 240  # Matrices of a page; a slider has few more places.
STOPS = 21
DIGITS = 4


def scales() -> dict[str, Any]:
    """The colours of both matrices, as the heat maps of the run have them."""
    return {
        name: {
            "low": scale.lowest,
            "high": scale.highest,
            "colours": [
                to_hex(each) for each in colormaps[scale.colours](np.linspace(0, 1, STOPS))
            ],
        }
        for name, scale in SCALES.items()
    }


def affinities(folder: Path) -> dict[str, Any]:
    """Returns the matrices of a run by step, or why there are none."""
    if not is_there(folder / AFFINITY):
        return {
            "missing": f"This run has no `{AFFINITY}`: a run that trains several tasks writes one "
            "with the callback `AffinityHeatmap`."
        }
    learned = read_learned(folder / AFFINITY)
    records = _records(learned)
    said = []
    if not learned.history:
        said.append("The file has no history, so only the last matrices can be shown.")
    if len(learned.history) > MOST:
        said.append(f"{MOST} of {len(learned.history)} records are shown.")
    return {
        "tasks": list(learned.tasks),
        "kind": learned.kind,
        "records": records,
        "said": " ".join(said),
    }


def _records(learned: Learned) -> list[dict[str, Any]]:
    history: Sequence[Mapping[str, Any]] = learned.history
    if not history:
        own = {name: _plain(each) for name, each in learned.matrices.items()}
        return [{"step": learned.step, **own}]
    count = min(len(history), MOST)
    places = np.linspace(0, len(history) - 1, count).round().astype(int).tolist()
    return [
        {
            "step": history[place]["step"],
            SIMILARITY: _plain(matrix(history[place]["similarity"])),
            OMEGA: _plain(matrix(history[place]["omega"])),
        }
        for place in places
    ]


def _plain(values: Any) -> list[list[float | None]]:
    return [
        [round(float(each), DIGITS) if np.isfinite(each) else None for each in row]
        for row in values
    ]
