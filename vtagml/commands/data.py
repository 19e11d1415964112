"""`check` and `prepare`."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from lightning import LightningDataModule
from lightning.pytorch.cli import LightningArgumentParser
from rich import get_console

from datamodules import DenseDataModule
from datamodules.check import check
from datamodules.check.tables import show
from datamodules.files import FileDataModule
from datamodules.prepared.prepare import prepare
from vtagml.commands.building import built, task_names
from vtagml.experiment import ExperimentCLI, experiment


class DataCLI(ExperimentCLI):
    """Knows all keys of an experiment; builds its data only."""

    def link_tasks(self, parser: LightningArgumentParser) -> None:
        """Leaves `data.tasks` a key of its own; by default it is what the model predicts."""

    def _set_seed(self) -> None:
        """Leaves the random numbers alone; nothing here draws any."""

    def before_instantiate_classes(self) -> None:
        """Leaves the run folder alone."""

    def instantiate_classes(self) -> None:
        config = self.config[self.config.subcommand]
        settings = config.data.get("init_args", {})
        if "tasks" in settings and settings.tasks is None:
            settings.tasks = task_names(config.get("model"))
        self.datamodule = built(LightningDataModule, config.data)

    def _run_subcommand(self, subcommand: str) -> None:
        """Leaves it to the command to use the data."""


def data_of(words: Sequence[str]) -> LightningDataModule | None:
    """Makes the DataModule of an experiment from the words of a command."""
    return experiment(DataCLI, ["fit", *words]).datamodule


def run_check(words: Sequence[str]) -> None:
    """Runs `lightning check`; the exit status is 1 when something is wrong."""
    parser = _parser()
    parser.add_argument("--write-skip-list", type=Path)
    options, rest = parser.parse_known_args(words)
    datamodule = data_of(rest)
    if not isinstance(datamodule, DenseDataModule):
        raise ValueError(f"`data` should be one of our datasets, found {_name(datamodule)}.")
    report = check(datamodule, options.processes)
    show(report, get_console())
    if options.write_skip_list:
        count = report.write_skip_list(options.write_skip_list)
        get_console().print(f"{count} names are in `{options.write_skip_list}`.", soft_wrap=True)
    if not report.ok:
        raise SystemExit(1)


def run_prepare(words: Sequence[str]) -> None:
    """Runs `lightning prepare`."""
    parser = _parser()
    parser.add_argument("--out", type=Path)
    options, rest = parser.parse_known_args(words)
    datamodule = data_of(rest)
    if not isinstance(datamodule, FileDataModule):
        raise ValueError(
            f"`data` should be a dataset that is read from files, found {_name(datamodule)}:"
            " there is nothing to decode."
        )
    prepare(datamodule, options.out, options.processes)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--processes", type=int)
    return parser


def _name(datamodule: object) -> str:
    return f"`{type(datamodule).__name__}`"
