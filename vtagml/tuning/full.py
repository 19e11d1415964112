"""Full fine-tuning: what every other tuning is measured against."""

from vtagml.backbone import Backbone
from vtagml.tuning.tuning import Tuning


class Full(Tuning):
    """Every parameter of the backbone trains."""

    def tune(self, backbone: Backbone) -> None:
        """Leaves the backbone as it is."""
