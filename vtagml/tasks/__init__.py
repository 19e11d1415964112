"""Tasks: what a decoder's map means.

A task is the one home of everything that is particular about it: the channels of the map, the
activation that turns it into the units of the labels, the loss, the metrics, what is unknown, the
prediction that never looks at the image, and the picture. Nothing else asks which task it is. To
add one, write a sibling class in a file of its own.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.tasks.boundaries import Boundaries
    from vtagml.tasks.categorical import Categorical
    from vtagml.tasks.class_map import ClassMap
    from vtagml.tasks.classification import Classification
    from vtagml.tasks.depth import Depth
    from vtagml.tasks.edges import Edges
    from vtagml.tasks.human_parts import HumanParts
    from vtagml.tasks.inverse_depth import InverseDepth
    from vtagml.tasks.labels import Labels, WideLabels
    from vtagml.tasks.normals import Normals
    from vtagml.tasks.prior import MajorityPrior, MeanDirectionPrior, MeanPrior, Prior
    from vtagml.tasks.regression import Regression
    from vtagml.tasks.saliency import Saliency
    from vtagml.tasks.segmentation import Segmentation
    from vtagml.tasks.task import Task
    from vtagml.tasks.united_classification import UnitedClassification

open_when_asked(__name__)
