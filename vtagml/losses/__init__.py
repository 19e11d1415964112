"""Losses over the pixels whose label is known.

Each loss is a pure function of a prediction and a target that returns the sum over the valid
pixels and their number, so that whoever trains decides what to divide by: the pixels of this
image, of this batch, or of all ranks. Unknown labels are NaN, or 255 in class labels; they change
neither the value nor the gradient. Without a valid pixel the sum is an exact zero that is still
connected to the prediction's graph. Half-precision predictions are computed in float32.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.losses.balanced_bce import balanced_bce as balanced_bce
    from vtagml.losses.balanced_bce import weighted_bce as weighted_bce
    from vtagml.losses.berhu import inverse_berhu as inverse_berhu
    from vtagml.losses.cross_entropy import cross_entropy as cross_entropy
    from vtagml.losses.masked_l1 import masked_l1 as masked_l1
    from vtagml.losses.rotated_l1 import rotated_l1 as rotated_l1
    from vtagml.losses.unknown import UNKNOWN_CLASS as UNKNOWN_CLASS
    from vtagml.losses.unknown import full_precision as full_precision
    from vtagml.losses.unknown import known as known
    from vtagml.losses.unknown import known_classes as known_classes

open_when_asked(__name__)
