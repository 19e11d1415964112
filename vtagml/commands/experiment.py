"""An experiment from its config: what `fit`, `validate`, `test` and `predict` run.

Commands that build only a part of it, or only read its config, are subclasses of `ExperimentCLI`.
"""

import os
import signal
from argparse import ArgumentError
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.cli import (
    ArgsType,
    LightningArgumentParser,
    LightningCLI,
    SaveConfigCallback,
)
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from lightning.pytorch.utilities.rank_zero import rank_zero_only, rank_zero_warn
from yaml import safe_load

import datamodules
import vtagml
from vtagml import callbacks, checkpoints
from vtagml.building import locate_data
from vtagml.callbacks import (
    AffinityHeatmap,
    AugmentedTesting,
    ParameterTable,
    PredictionGrid,
    PredictionWriter,
    Progress,
    Results,
    SkipFaultySteps,
    Throughput,
)
from vtagml.callbacks.kept_files import is_trial, keep
from vtagml.checkpoints import AtomicCheckpointIO, RunCheckpoint, check_saved, checkpoint_path
from vtagml.checkpoints.reading import class_names_of
from vtagml.commands.config_files import NEEDED, check_config, class_of
from vtagml.commands.messages import say
from vtagml.commands.mistakes import arguments_of, explained
from vtagml.data import data_of
from vtagml.loggers import CSV, TensorBoard, loggers_of_a_run
from vtagml.multitask import multitask
from vtagml.run_folder import CONFIG, RunFolder, evaluation_in, fit_in

ROOMS = (datamodules, vtagml, callbacks, checkpoints)
KNOWN = [getattr(room, name) for room in ROOMS for name in room.__all__]
"""What a config may name by its last name alone: a class has to be imported for that."""

# An abbreviated key would let a typo pass that happens to be the beginning of a key.
PARSER: dict[str, Any] = {"exit_on_error": False, "allow_abbrev": False}


class RunFolderConfig(SaveConfigCallback):
    """Keeps the resolved config in the run folder, beside what it made."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        fitting = trainer.state.fn == "fit"  # what is tested was trained with the config kept then
        if fitting and trainer.is_global_zero and not is_trial(trainer):
            text = self.parser.dump(self.config, skip_none=False)
            keep(trainer, CONFIG, text.encode())
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):  # shows and searches it, nested as it is
                    logger.log_hyperparams(safe_load(text))


class ExperimentCLI(LightningCLI):
    """LightningCLI with the house's defaults: run folder, loggers, callbacks, links."""

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]  # there it is static
        """The one that runs: a parser of every key takes as long to make as all that follows."""
        every = super().subcommands()
        return {
            command: skipped for command, skipped in every.items() if command in self.parser_kwargs
        }

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--test_after_fit", type=bool, default=True, help="Test as soon as the fit has ended."
        )
        self.link_tasks(parser)
        for callback, key in (
            (RunCheckpoint, "checkpoint"),
            (AffinityHeatmap, "affinity_heatmap"),
            (AugmentedTesting, "augmented_testing"),
            (PredictionGrid, "prediction_grid"),
            (ParameterTable, "parameter_table"),
            (Results, "results"),
            (Progress, "progress"),
            (Throughput, "throughput"),
            (SkipFaultySteps, "skip_faulty_steps"),
        ):
            parser.add_lightning_class_args(callback, key)
        # `ParameterTable` says it by room, `Results` with a row to compare with.
        parser.set_defaults(
            {"trainer.enable_model_summary": False, "trainer.log_every_n_steps": 10}
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        command, *words = cast(Sequence[str], args)
        files = check_config(command, words)
        try:
            super().parse_arguments(parser, args)
        except ArgumentError as error:
            keys = [action.dest for action in self._subcommand_parsers[command]._actions]
            for room in NEEDED:
                keys += [f"{room}.{each}" for each in arguments_of(class_of(files, room) or "")]
            raise ValueError(explained(str(error), keys) or str(error)) from error

    def link_tasks(self, parser: LightningArgumentParser) -> None:
        parser.link_arguments("model.task_names", "data.init_args.tasks", apply_on="instantiate")

    def _prepare_subcommand_parser(
        self, klass: type, subcommand: str, **settings: Any
    ) -> LightningArgumentParser:
        parser = super()._prepare_subcommand_parser(klass, subcommand, **settings)
        if subcommand == "test":
            parser.set_defaults({"verbose": False})  # `Results` prints the table
        return parser

    def _parse_ckpt_path(self) -> None:
        """Leaves the config alone: a checkpoint's settings must not replace what the YAML says."""

    def before_instantiate_classes(self) -> None:
        torch.set_float32_matmul_precision("high")  # TF32 where the GPU has it
        config = self.config[self.subcommand]
        if config.trainer.default_root_dir is None:
            paths = [Path(str(path)) for path in config.config or ["run"]]
            config.trainer.default_root_dir = str(default_folder(paths))
        self.folder = RunFolder(Path(config.trainer.default_root_dir).expanduser())
        config.trainer.default_root_dir = str(self.folder.path)  # as the Trainer takes it
        if config.checkpoint.dirpath is None:
            config.checkpoint.dirpath = str(self.folder.checkpoints)
        newest = Path(config.checkpoint.dirpath) / f"{config.checkpoint.filename}.ckpt"
        config.ckpt_path = checkpoint_path(config.ckpt_path, newest, str(self.subcommand))
        # Apple's accelerator has no float64, which metrics and affinities are summed in.
        if config.trainer.accelerator == "auto" and torch.backends.mps.is_available():
            config.trainer.accelerator = "cpu"
        if self.subcommand == "predict":
            config.return_predictions = False  # they go to files, not into memory

    def instantiate_classes(self) -> None:
        config = self.config[self.subcommand]
        locate_data(config, str(self.subcommand))
        super().instantiate_classes()
        if self.subcommand != "fit" and config.ckpt_path:
            # Lightning names the checkpoint only after `setup`, where the data's classes are met.
            multitask(self.model).trained_on(class_names_of(config.ckpt_path))

    def _run_subcommand(self, subcommand: str) -> None:
        config = self.config[subcommand]
        entered: AbstractContextManager[None] = nullcontext()
        is_first = getattr(rank_zero_only, "rank", 0) == 0
        if is_first and not config.trainer.fast_dev_run and subcommand == "fit":
            kept, fresh = Path(config.checkpoint.dirpath), config.ckpt_path is None
            entered = fit_in(self.folder, kept, fresh, lambda: self.trainer.global_step > 0)
        elif is_first and not config.trainer.fast_dev_run:
            entered = evaluation_in(self.folder)
        # The loggers second: they number their files by those that the folder still has.
        with entered, loggers_of_a_run(self.trainer, self.folder):
            try:
                super()._run_subcommand(subcommand)
            except SIGTERMException as stopped:  # in an evaluation; its status is 0
                raise SystemExit(128 + signal.SIGTERM) from stopped

    def instantiate_trainer(self, **options: Any) -> Trainer:
        config = self.config[self.subcommand]
        if config.trainer.logger in (None, True) and not config.trainer.fast_dev_run:
            options["logger"] = [CSV(), TensorBoard()]
        given = self._get(self.config_init, "trainer").plugins or []
        given = given if isinstance(given, list) else [given]
        options["plugins"] = [*given, AtomicCheckpointIO()]
        trainer = super().instantiate_trainer(**options)
        if trainer.loggers:
            cast(Any, trainer).callbacks.append(LearningRateMonitor(logging_interval="step"))
        if self.subcommand == "predict":
            cast(Any, trainer).callbacks.append(PredictionWriter())
        return trainer

    def after_fit(self) -> None:
        config = self.config[self.subcommand]
        if config.test_after_fit and self.trainer.state.finished:
            data = data_of(self.trainer)
            if reason := data.lacks("test") or data.predicted_only("test"):
                rank_zero_warn(f"The test after the fit is left out. {reason}")
            else:
                self.trainer.test(self.model, datamodule=self.datamodule, verbose=False)
        check_saved(self.trainer)

    def after_predict(self) -> None:
        for callback in cast(Any, self.trainer).callbacks:
            if (
                isinstance(callback, PredictionWriter)
                and callback.written
                and self.trainer.is_global_zero
            ):
                places = (f"{what} in `{folder}`" for what, folder in callback.written.items())
                say(f"Predictions: {', '.join(places)}.")


def default_folder(configs: Sequence[Path]) -> Path:
    """Returns the run folder of some configs, unless a command names one.

    What `wandb agent` starts has the same configs each time: it goes by the ids of W&B.
    """
    agent = [os.environ.get(name) for name in ("WANDB_SWEEP_ID", "WANDB_RUN_ID")]
    if all(agent):
        return Path("runs", "sweeps", *filter(None, agent))
    # Where a run is logged makes it no other run; alone such a file is an experiment itself.
    names = [path.stem for path in configs if path.parent.name != "loggers"]
    return Path("runs") / "+".join(names or [path.stem for path in configs])


CLI = TypeVar("CLI", bound=ExperimentCLI)


def experiment(cli: type[CLI], words: Sequence[str]) -> CLI:
    """Makes an experiment from the words of a command and does with it what its class does.

    Args:
        cli: What of it is built and run.
        words: One of the four commands, and what stands behind it.
    """
    return cli(
        LightningModule,
        LightningDataModule,
        subclass_mode_model=True,
        subclass_mode_data=True,
        save_config_callback=RunFolderConfig,
        seed_everything_default=0,
        parser_kwargs={words[0]: PARSER} | PARSER,
        args=list(words),
    )


def run_experiment(command: str, words: Sequence[str]) -> None:
    """Runs one of the four commands."""
    experiment(ExperimentCLI, [command, *words])
