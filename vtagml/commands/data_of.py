"""The data of an experiment alone, with every key of its config checked."""

from collections.abc import Sequence

from lightning import LightningDataModule
from lightning.pytorch.cli import LightningArgumentParser

from vtagml.building import built, task_names
from vtagml.commands.experiment import experiment
from vtagml.commands.parse import ConfigCLI


class DataCLI(ConfigCLI):
    """Knows all keys of an experiment; `data.tasks` is one of its own here."""

    def link_tasks(self, parser: LightningArgumentParser) -> None:
        """Leaves the tasks alone; by default they are what the model predicts."""

    def before_instantiate_classes(self) -> None:
        """Leaves the run folder alone."""


def data_of(keys: Sequence[str]) -> LightningDataModule:
    """Makes the DataModule of an experiment from the words of a command."""
    config = experiment(DataCLI, ["fit", *keys]).config.fit
    settings = config.data.get("init_args", {})
    if "tasks" in settings and settings.tasks is None:
        settings.tasks = task_names(config.get("model"))
    return built(LightningDataModule, config.data)
