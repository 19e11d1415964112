"""How a command checks words without running them."""

from collections.abc import Sequence
from typing import Any

from lightning import LightningDataModule
from lightning.pytorch.cli import LightningArgumentParser
from yaml import safe_load

from vtagml.building import built, task_names
from vtagml.commands.experiment import ExperimentCLI, experiment


class ConfigCLI(ExperimentCLI):
    """Knows all keys of an experiment and checks a config against them; builds nothing."""

    def _set_seed(self) -> None:
        """Leaves the random state alone."""

    def instantiate_classes(self) -> None:
        """Leaves everything unbuilt."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Leaves it to the command to use the config."""


class DataCLI(ConfigCLI):
    """Knows all keys of an experiment; `data.tasks` is one of its own here."""

    def link_tasks(self, parser: LightningArgumentParser) -> None:
        """Leaves the tasks alone; by default they are what the model predicts."""

    def before_instantiate_classes(self) -> None:
        """Leaves the run folder alone."""


def config_of(words: Sequence[str]) -> Any:
    """Returns the config of a fit."""
    return experiment(ConfigCLI, ["fit", *words]).config.fit


def resolved(words: Sequence[str]) -> dict[str, Any]:
    """Returns the config of a fit as a run keeps it."""
    # A checkpoint is no setting, and may be still to come.
    fit = experiment(ConfigCLI, ["fit", *words, "--ckpt_path=none"])
    return safe_load(fit._parser("fit").dump(fit.config.fit, skip_none=False))


def data_of(words: Sequence[str]) -> LightningDataModule:
    """Makes the DataModule of an experiment, with every key of its config checked."""
    config = experiment(DataCLI, ["fit", *words]).config.fit
    settings = config.data.get("init_args", {})
    if "tasks" in settings and settings.tasks is None:
        settings.tasks = task_names(config.get("model"))
    return built(LightningDataModule, config.data)
