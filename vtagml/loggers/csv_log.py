"""A run's numbers as a table."""

from lightning.pytorch.loggers import CSVLogger

from vtagml.loggers.run_logger import RunLogger
from vtagml.run_folder import LOGS, RunFolder


class CSV(RunLogger, CSVLogger):
    """Writes `logs/version_0/metrics.csv` in the run's folder; a resumed run writes the next one.

    `lightning report` and `lightning sweep` read these files.
    """

    def __init__(self) -> None:
        super().__init__(".", name=LOGS)

    def enter(self, folder: RunFolder, version: int) -> None:
        self._save_dir = str(folder.path)
        self._version = version
        self._root_dir = str(folder.path)  # of Fabric's logger below it, where versions are counted
