"""Tasks: what a decoder's map means.

A task is the one home of everything that is particular about it: the channels of the map, the
activation that turns it into the units of the labels, the loss, the metrics, what is unknown, the
prediction that never looks at the image, and the picture. Nothing else asks which task it is. To
add one, write a sibling class in a file of its own.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.tasks.boundaries import Boundaries as Boundaries
    from vtagml.tasks.categorical import Categorical as Categorical
    from vtagml.tasks.class_map import ClassMap as ClassMap
    from vtagml.tasks.classification import Classification as Classification
    from vtagml.tasks.depth import Depth as Depth
    from vtagml.tasks.edges import Edges as Edges
    from vtagml.tasks.human_parts import HumanParts as HumanParts
    from vtagml.tasks.inverse_depth import InverseDepth as InverseDepth
    from vtagml.tasks.labels import Labels as Labels
    from vtagml.tasks.labels import WideLabels as WideLabels
    from vtagml.tasks.normals import Normals as Normals
    from vtagml.tasks.prior import MajorityPrior as MajorityPrior
    from vtagml.tasks.prior import MeanDirectionPrior as MeanDirectionPrior
    from vtagml.tasks.prior import MeanPrior as MeanPrior
    from vtagml.tasks.prior import Prior as Prior
    from vtagml.tasks.regression import Regression as Regression
    from vtagml.tasks.saliency import Saliency as Saliency
    from vtagml.tasks.segmentation import Segmentation as Segmentation
    from vtagml.tasks.task import Task as Task
    from vtagml.tasks.united_classification import UnitedClassification as UnitedClassification

open_when_asked(__name__)
