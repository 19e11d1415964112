"""Pictures that a paper could use: affinity heat maps and their history, prediction grids.

Pure functions from tensors to matplotlib figures on a canvas of their own (Agg), used by
callbacks, reports and notebooks alike. Nothing here touches pyplot or its global state; `to_png`
renders a figure and empties it.
"""

from vtagml.drawing.affinity_heatmap import (
    OMEGA,
    SIMILARITY,
    Scale,
    affinity_heatmap,
    affinity_heatmaps,
)
from vtagml.drawing.affinity_history import AffinityHistory, AffinityRecord, affinity_history
from vtagml.drawing.canvas import to_png
from vtagml.drawing.cosine_histograms import cosine_histograms
from vtagml.drawing.prediction_grid import prediction_grid

__all__ = [
    "OMEGA",
    "SIMILARITY",
    "AffinityHistory",
    "AffinityRecord",
    "Scale",
    "affinity_heatmap",
    "affinity_heatmaps",
    "affinity_history",
    "cosine_histograms",
    "prediction_grid",
    "to_png",
]
