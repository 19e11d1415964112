"""Of a backbone only the attention's biases by relative position train."""

from vtagml.backbone import Backbone
from vtagml.tuning.tuning import Tuning


class RelativeBias(Tuning):
    """Trains the biases by relative position: Swin's tables, the small network of Swin V2."""

    def tune(self, backbone: Backbone) -> None:
        biases = list(backbone.position_biases())
        if not biases:
            raise ValueError(
                "`backbone` must have attention with biases by relative position, as Swin and "
                f"SwinV2 have, found {type(backbone).__name__}: choose one of them or another "
                "tuning."
            )
        backbone.freeze()
        for parameter in biases:
            parameter.requires_grad_(True)
