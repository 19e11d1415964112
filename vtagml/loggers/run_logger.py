"""What a logger has to do to live in a run's folder, and what the command line does with all."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from lightning import Trainer

from vtagml.loggers.failing import tolerate_failing_loggers
from vtagml.run_folder import RunFolder


class RunLogger(ABC):
    """Mixed into a logger of Lightning's whose folder is the run's."""

    @abstractmethod
    def enter(self, folder: RunFolder, version: int) -> None:
        """Says where the run is, before anything is written.

        Args:
            folder: The run's; of another run, which was there before, nothing is left in it.
            version: Of the folder's logs: one for all loggers of a command.
        """

    def leave(self, failed: bool) -> None:  # noqa: B027 -- nothing to do by default
        """Is called when the run has ended, and writes what is still to be written."""


@contextmanager
def loggers_of_a_run(trainer: Trainer, folder: RunFolder) -> Iterator[None]:
    """Lets the loggers write into a run's folder, and closes them when the block ends.

    Whatever fails while they write costs a record, not the run; another can follow in this process.
    """
    version = max(folder.log_versions, default=-1) + 1
    loggers = [logger for logger in trainer.loggers if isinstance(logger, RunLogger)]
    for logger in loggers:
        logger.enter(folder, version)
    tolerate_failing_loggers(trainer)
    failed = True
    try:
        yield
        failed = False
    finally:
        for logger in loggers:
            logger.leave(failed)
