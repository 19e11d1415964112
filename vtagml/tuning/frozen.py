"""Nothing of the backbone learns: the least that every tuning must beat."""

from vtagml.backbone import Backbone
from vtagml.tuning.tuning import Tuning


class Frozen(Tuning):
    """The backbone as it was pre-trained: only the decoders train."""

    def tune(self, backbone: Backbone) -> None:
        backbone.freeze()
