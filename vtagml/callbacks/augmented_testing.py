"""Predictions as the mean of several looks at each image."""

from collections.abc import Sequence

from lightning import Callback, LightningModule, Trainer

from vtagml.multitask import multitask
from vtagml.views import Views


class AugmentedTesting(Callback):
    """Lets an evaluation average over mirrored and scaled images; off by default.

    `validate`, `test` and `predict` follow it, and the validation of a `fit`. It multiplies the
    time of an evaluation by the number of views, improves most numbers a little, and is no merit
    of a method: results name it, and `lightning report` refuses a mixture. `predict --images` and
    `vtagml.load` look once.

    Args:
        flip: Whether each size is also seen mirrored left to right.
        scales: Sizes of the image as factors of the network's input, such as [0.75, 1.0, 1.25].
    """

    def __init__(self, flip: bool = False, scales: Sequence[float] = (1.0,)) -> None:
        self.views = Views(flip, scales)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        multitask(pl_module).evaluation.views = self.views
