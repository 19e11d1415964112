"""Metrics of the tasks, pooled over all valid pixels of the dataset unless their name says else.

Each says what a batch adds to sums or counts, which are kept in float64, and what follows from all
of them. Adding those of batches or of ranks is all there is to accumulation, so the classes are
right in distributed runs by construction. Unknown
labels (NaN, or 255 in class labels) do not count; without any valid pixel a metric is NaN. The
mean IoU is torchmetrics' own, see `vtagml.tasks.Segmentation`.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.metrics.accuracy import Accuracy
    from vtagml.metrics.angular_error import (
        AngularError,
        MedianAngularError,
        WithinAngle,
        angular_error,
    )
    from vtagml.metrics.collection import collect
    from vtagml.metrics.delta_m import delta_m
    from vtagml.metrics.depth_errors import (
        AbsoluteRelativeError,
        ImageRootMeanSquareError,
        RootMeanSquareError,
        WithinRatio,
    )
    from vtagml.metrics.depth_range import DepthRange
    from vtagml.metrics.edge_f1 import EdgeF1, EdgeMacroF1
    from vtagml.metrics.mean_absolute_error import MaskedMeanAbsoluteError
    from vtagml.metrics.pooled import Pooled
    from vtagml.metrics.saliency import ForegroundIoU, MaxF, MaxF1
    from vtagml.metrics.unit import Unit, degrees, percent

open_when_asked(__name__)
