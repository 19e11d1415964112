"""A run's numbers and pictures for TensorBoard."""

from lightning.pytorch.loggers import TensorBoardLogger

from vtagml.loggers.run_logger import RunLogger
from vtagml.run_folder import LOGS, RunFolder


class TensorBoard(RunLogger, TensorBoardLogger):
    """Writes events to `logs/version_0` in the run's folder; a resumed run writes the next one."""

    def __init__(self) -> None:
        super().__init__(".", name=LOGS)

    def enter(self, folder: RunFolder, version: int) -> None:
        self._root_dir = str(folder.path)
        self._version = version
