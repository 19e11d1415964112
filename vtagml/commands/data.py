"""`check`, `prepare` and `scenes`."""

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import TypeAlias

from jsonargparse import Namespace
from lightning import LightningDataModule
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from rich import get_console

from datamodules import DenseDataModule
from datamodules.check import check
from datamodules.check.tables import show
from datamodules.files import FileDataModule
from datamodules.prepare import prepare
from datamodules.writing import command as scenes
from vtagml.commands.building import built
from vtagml.module import MultitaskModule
from vtagml.tasks import Task

Load: TypeAlias = Callable[[Sequence[str]], LightningDataModule | None]
"""Makes the DataModule of an experiment from the words of a command."""


class DataOnly(LightningCLI):
    """Mixed into the CLI of experiments: reads a whole config, and builds nothing but its data."""

    def link_tasks(self, parser: LightningArgumentParser) -> None:
        """Leaves `data.tasks` a key of its own; by default it is what the model predicts."""

    def _set_seed(self) -> None:
        """Leaves the random numbers alone; nothing here draws any."""

    def before_instantiate_classes(self) -> None:
        """Leaves the run folder alone."""

    def instantiate_classes(self) -> None:
        config = self.config[self.config.subcommand]
        settings = config.data.init_args
        if "tasks" in settings and settings.tasks is None:
            settings.tasks = _task_names(config.get("model"))
        self.datamodule = built(LightningDataModule, config.data)

    def _run_subcommand(self, subcommand: str) -> None:
        """Leaves it to the command to use the data."""


def run_check(words: Sequence[str], load: Load) -> None:
    """Runs `lightning check`; the exit status is 1 when something is wrong."""
    parser = _parser()
    parser.add_argument("--write-skip-list", type=Path)
    options, rest = parser.parse_known_args(words)
    datamodule = load(rest)
    if not isinstance(datamodule, DenseDataModule):
        raise ValueError(f"`data` should be one of our datasets, found {_name(datamodule)}.")
    report = check(datamodule, options.processes)
    show(report, get_console())
    if options.write_skip_list:
        count = report.write_skip_list(options.write_skip_list)
        get_console().print(f"{count} names are in `{options.write_skip_list}`.", soft_wrap=True)
    if not report.ok:
        raise SystemExit(1)


def run_prepare(words: Sequence[str], load: Load) -> None:
    """Runs `lightning prepare`."""
    parser = _parser()
    parser.add_argument("--out", type=Path)
    options, rest = parser.parse_known_args(words)
    datamodule = load(rest)
    if not isinstance(datamodule, FileDataModule):
        raise ValueError(
            f"`data` should be a dataset that is read from files, found {_name(datamodule)}:"
            " there is nothing to decode."
        )
    prepare(datamodule, options.out, options.processes)


def run_scenes(words: Sequence[str], load: Load) -> None:
    """Runs `lightning scenes`, which needs no config."""
    scenes.main(words)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--processes", type=int)
    return parser


def locate_data(config: Namespace, command: str) -> None:
    """Raises the error for data that is not there, before a network is built or downloaded.

    Args:
        config: What was asked for, checked.
        command: `fit`, `validate`, `test` or `predict`.
    """
    if not issubclass(resolve_name(config.model.class_path), MultitaskModule):
        return  # a user's own, whose tasks are known when it is built
    settings = config.data.clone()
    settings.init_args.tasks = _task_names(config.model)
    datamodule = built(LightningDataModule, settings)
    if hasattr(datamodule, "locate"):
        datamodule.locate(command)


def _task_names(model: Namespace | None) -> list[str] | None:
    """Names of the tasks that a model would have, without building it."""
    tasks = model.init_args.get("tasks") if model else None
    return [task.name for task in built(list[Task], tasks)] if tasks else None


def _name(datamodule: object) -> str:
    return f"`{type(datamodule).__name__}`"
