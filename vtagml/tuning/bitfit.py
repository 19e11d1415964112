"""BitFit: of a backbone only what is added to activations trains."""

from vtagml.backbone import Backbone
from vtagml.tuning.tuning import Tuning


class BitFit(Tuning):
    """Trains every bias, of layers and of norms, and the attention's biases by position.

    Note:
        BitFit was made for networks without biases by position; VMT-Adapter's count for it on
        Swin-T, 75,546, holds the tables of these, and the bias of the final norm, which no map of
        our pyramid passes.
    """

    def tune(self, backbone: Backbone) -> None:
        backbone.freeze()
        for parameter in (*backbone.biases(), *backbone.position_biases()):
            parameter.requires_grad_(True)
