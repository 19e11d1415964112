"""Affinities side by side, of two runs or of one run over training."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from vtagml.drawing import OMEGA as OMEGA_SCALE
from vtagml.drawing import SIMILARITY as SIMILARITY_SCALE
from vtagml.drawing import affinity_heatmap, to_png
from vtagml.report.affinities import OMEGA, SIMILARITY, AffinityComparison, Learned, Matrix

SCALES = {SIMILARITY: SIMILARITY_SCALE, OMEGA: OMEGA_SCALE}
STRIP = 6
LONGEST = 32  # Letters of a name that fit above a matrix.
WIDEST = 3000  # Pixels; a strip of many tasks is shrunk to it.


def side_by_side(comparison: AffinityComparison) -> bytes:
    """Draws S above and ω below, the first run left and the second right; returns a PNG."""
    tasks = comparison.tasks
    runs = [("A", comparison.first), ("B", comparison.second)]
    rows = [
        [
            heat_map(
                run.among(tasks)[name], tasks, f"{name} of {letter}: {run.name[:LONGEST]}", name
            )
            for letter, run in runs
        ]
        for name in (SIMILARITY, OMEGA)
    ]
    return glued(rows)


def strip(learned: Learned, count: int = STRIP) -> bytes | None:
    """Draws S above and ω below at some steps of the training, the last among them.

    Returns:
        A PNG; None where the run kept no history.
    """
    if not learned.history:
        return None
    places = np.linspace(0, len(learned.history) - 1, min(count, len(learned.history)))
    records = [learned.history[round(place)] for place in places]
    rows = []
    for name, key in ((SIMILARITY, "similarity"), (OMEGA, "omega")):
        rows.append(
            [
                heat_map(matrix(record[key]), learned.tasks, f"{name}, step {record['step']}", name)
                for record in records
            ]
        )
    return glued(rows)


def matrix(values: Sequence[Sequence[float | None]]) -> Matrix:
    # JSON has no NaN: an unknown entry is null there and None here.
    return np.array(values, dtype=object).astype(np.float64)


def heat_map(values: Matrix, tasks: Sequence[str], title: str, name: str) -> Figure:
    return affinity_heatmap(torch.from_numpy(values.copy()), tasks, title, SCALES[name])


def glued(rows: Sequence[Sequence[Figure]]) -> bytes:
    """Renders figures of one size into one picture; empties them."""
    pictures = [
        [Image.open(BytesIO(to_png(figure))).convert("RGB") for figure in row] for row in rows
    ]
    width, height = pictures[0][0].size
    whole = Image.new("RGB", (width * len(pictures[0]), height * len(pictures)), "white")
    for line, row in enumerate(pictures):
        for column, picture in enumerate(row):
            whole.paste(picture, (column * width, line * height))
    if whole.width > WIDEST:
        size = (WIDEST, round(whole.height * WIDEST / whole.width))
        whole = whole.resize(size, Image.Resampling.LANCZOS)
    png = BytesIO()
    whole.save(png, format="PNG")
    return png.getvalue()
