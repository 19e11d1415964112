"""Pictures that a paper could use: affinities and their history, predictions and their errors.

`task_map` draws one map; `sample_grid`, `prediction_grid` and `method_grid` draw
those of several samples, tasks or methods: all in a task's own colours, with the key to them.

Functions from tensors to matplotlib figures on a canvas of their own (Agg), used by callbacks,
reports and notebooks alike. Nothing here touches pyplot or its global state; `to_png`,
`to_jpeg` and `to_files` (PDF and SVG, too) render a figure and empty it.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.drawing.affinity_heatmap import (
        OMEGA,
        SIMILARITY,
        Scale,
        affinity_grid,
        affinity_heatmaps,
    )
    from vtagml.drawing.affinity_history import AffinityHistory, AffinityRecord, affinity_history
    from vtagml.drawing.canvas import PICTURES, to_files, to_jpeg, to_png
    from vtagml.drawing.conflict_course import conflict_course
    from vtagml.drawing.cosine_histograms import cosine_histograms
    from vtagml.drawing.errors import error_pictures
    from vtagml.drawing.matrix_grid import matrix_grid
    from vtagml.drawing.method_grid import method_grid
    from vtagml.drawing.prediction_grid import prediction_grid
    from vtagml.drawing.sample_grid import dataset_grid, sample_grid, stacked
    from vtagml.drawing.task_map import task_map

open_when_asked(__name__)
