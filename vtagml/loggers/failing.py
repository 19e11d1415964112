"""Loggers that fail in mid-run: said once, and training goes on without their records."""

from collections.abc import Callable
from functools import partial
from typing import Any

from lightning import Trainer
from lightning.pytorch.loggers import Logger

from vtagml.attempt import Attempt

WRITING = (
    "log_metrics",
    "log_hyperparams",
    "log_graph",
    "log_image",
    "log_table",
    "save",
    "after_save_checkpoint",
    "finalize",
)
"""What Lightning and our callbacks call of a logger while a run lasts."""


def tolerate_failing_loggers(trainer: Trainer) -> None:
    """Turns the failures of each logger (full disk, lost server) into one warning per logger.

    A logger that cannot be opened stays an error: that is before the first step, when nothing is
    lost and a wrong setting is the likely reason.
    """
    for logger in trainer.loggers:
        attempt = Attempt(f"A record of {type(logger).__name__}")
        for name in WRITING:
            # The class's method, for that of the object is what takes its place here.
            method = getattr(type(logger), name, None)
            if method is not None:
                setattr(logger, name, partial(_tried, attempt, method, logger))


def _tried(
    attempt: Attempt, method: Callable[..., Any], logger: Logger, *given: Any, **named: Any
) -> None:
    with attempt():
        method(logger, *given, **named)
