"""Pictures that a paper could use: affinities and their history, predictions and their errors.

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
from vtagml.drawing.errors import Errors, error_pictures, errors
from vtagml.drawing.prediction_grid import prediction_grid
from vtagml.drawing.task_map import error_map, task_map
from vtagml.drawing.tiles import Tiles, read_tiles, tiles, tiles_file

__all__ = [
    "OMEGA",
    "SIMILARITY",
    "AffinityHistory",
    "AffinityRecord",
    "Errors",
    "Scale",
    "Tiles",
    "affinity_heatmap",
    "affinity_heatmaps",
    "affinity_history",
    "cosine_histograms",
    "error_map",
    "error_pictures",
    "errors",
    "prediction_grid",
    "read_tiles",
    "task_map",
    "tiles",
    "tiles_file",
    "to_png",
]
