"""Ends a run as a kill does."""

from lightning import Callback


class Killed(BaseException):
    """Ends a run without giving it a chance to save, like SIGKILL."""


class Kill(Callback):
    """Ends the run when a batch begins.

    Args:
        batch: How many come before, over all epochs; by default it is never ended.
    """

    def __init__(self, batch: int = -1) -> None:
        self.left = batch

    def on_train_batch_start(self, *_: object) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1
