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
    from vtagml.metrics.accuracy import Accuracy as Accuracy
    from vtagml.metrics.angular_error import AngularError as AngularError
    from vtagml.metrics.angular_error import MedianAngularError as MedianAngularError
    from vtagml.metrics.angular_error import WithinAngle as WithinAngle
    from vtagml.metrics.angular_error import angular_error as angular_error
    from vtagml.metrics.collection import collect as collect
    from vtagml.metrics.delta_m import delta_m as delta_m
    from vtagml.metrics.depth_errors import AbsoluteRelativeError as AbsoluteRelativeError
    from vtagml.metrics.depth_errors import ImageRootMeanSquareError as ImageRootMeanSquareError
    from vtagml.metrics.depth_errors import RootMeanSquareError as RootMeanSquareError
    from vtagml.metrics.depth_errors import WithinRatio as WithinRatio
    from vtagml.metrics.depth_range import DepthRange as DepthRange
    from vtagml.metrics.edge_f1 import EdgeF1 as EdgeF1
    from vtagml.metrics.edge_f1 import EdgeMacroF1 as EdgeMacroF1
    from vtagml.metrics.mean_absolute_error import (
        MaskedMeanAbsoluteError as MaskedMeanAbsoluteError,
    )
    from vtagml.metrics.pooled import Pooled as Pooled
    from vtagml.metrics.saliency import ForegroundIoU as ForegroundIoU
    from vtagml.metrics.saliency import MaxF as MaxF
    from vtagml.metrics.saliency import MaxF1 as MaxF1
    from vtagml.metrics.unit import Unit as Unit
    from vtagml.metrics.unit import degrees as degrees
    from vtagml.metrics.unit import percent as percent

open_when_asked(__name__)
