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
    from vtagml.drawing.affinity_heatmap import OMEGA as OMEGA
    from vtagml.drawing.affinity_heatmap import SIMILARITY as SIMILARITY
    from vtagml.drawing.affinity_heatmap import Scale as Scale
    from vtagml.drawing.affinity_heatmap import affinity_grid as affinity_grid
    from vtagml.drawing.affinity_heatmap import affinity_heatmaps as affinity_heatmaps
    from vtagml.drawing.affinity_history import AffinityHistory as AffinityHistory
    from vtagml.drawing.affinity_history import AffinityRecord as AffinityRecord
    from vtagml.drawing.affinity_history import affinity_history as affinity_history
    from vtagml.drawing.canvas import PICTURES as PICTURES
    from vtagml.drawing.canvas import to_files as to_files
    from vtagml.drawing.canvas import to_jpeg as to_jpeg
    from vtagml.drawing.canvas import to_png as to_png
    from vtagml.drawing.conflict_course import conflict_course as conflict_course
    from vtagml.drawing.cosine_histograms import cosine_histograms as cosine_histograms
    from vtagml.drawing.errors import error_pictures as error_pictures
    from vtagml.drawing.matrix_grid import matrix_grid as matrix_grid
    from vtagml.drawing.method_grid import method_grid as method_grid
    from vtagml.drawing.prediction_grid import prediction_grid as prediction_grid
    from vtagml.drawing.sample_grid import dataset_grid as dataset_grid
    from vtagml.drawing.sample_grid import sample_grid as sample_grid
    from vtagml.drawing.sample_grid import stacked as stacked
    from vtagml.drawing.task_map import task_map as task_map

open_when_asked(__name__)
