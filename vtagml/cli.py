"""The command line: `lightning fit|validate|test|predict|… --config experiments/….yaml`."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

# Lightning still calls what jsonargparse has renamed; no user can do anything about it.
os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")

import torch
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.utilities.rank_zero import rank_zero_only, rank_zero_warn
from rich import get_console
from yaml import safe_load

from vtagml.callbacks import (
    AffinityHeatmap,
    ClassNames,
    ParameterTable,
    PredictionGrid,
    PredictionWriter,
    Progress,
    Results,
    SkipFaultySteps,
    Throughput,
    tolerate_failing_loggers,
)
from vtagml.checkpoints import (
    AtomicCheckpointIO,
    RunCheckpoint,
    check_saved,
    checkpoint_path,
    evaluation_in,
    fit_in,
)
from vtagml.commands import (
    USAGE,
    ConfigOnly,
    DataOnly,
    Load,
    ModelOnly,
    asks_for_images,
    fail,
    lasting_output,
    one_message,
    run_benchmark,
    run_check,
    run_export,
    run_images,
    run_prepare,
    run_report,
    run_scenes,
    run_sweep,
    usage,
)
from vtagml.loggers import CSV, TensorBoard, enter_run_folder, log_config, loggers_of_a_run
from vtagml.run_folder import CHECKPOINTS, CONFIG

COMMANDS = ("fit", "validate", "test", "predict")
DATA_COMMANDS: Mapping[str, Callable[[Sequence[str], Load], None]] = {
    "check": run_check,
    "prepare": run_prepare,
    "scenes": run_scenes,
}
OTHER_COMMANDS = ("benchmark", "export", "report", "sweep")

# An abbreviated key would let a typo pass that happens to be the beginning of a key.
PARSER: dict[str, Any] = {"exit_on_error": False, "allow_abbrev": False}


class RunFolderConfig(SaveConfigCallback):
    """Keeps the resolved config in the run folder, beside what it made."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        fitting = trainer.state.fn == "fit"  # what is tested was trained with the config kept then
        if fitting and trainer.is_global_zero and not getattr(trainer, "fast_dev_run", False):
            folder = Path(trainer.default_root_dir)
            folder.mkdir(parents=True, exist_ok=True)
            text = self.parser.dump(self.config, skip_none=False)
            (folder / CONFIG).write_text(text, encoding="utf-8")
            log_config(trainer, safe_load(text))


class ExperimentCLI(LightningCLI):
    """LightningCLI with the house's defaults: run folder, loggers, callbacks, links."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--test_after_fit", type=bool, default=True, help="Test as soon as the fit has ended."
        )
        self.link_tasks(parser)
        for callback, key in (
            (RunCheckpoint, "checkpoint"),
            (AffinityHeatmap, "affinity_heatmap"),
            (PredictionGrid, "prediction_grid"),
            (ParameterTable, "parameter_table"),
            (Results, "results"),
            (Progress, "progress"),
            (Throughput, "throughput"),
            (SkipFaultySteps, "skip_faulty_steps"),
        ):
            parser.add_lightning_class_args(callback, key)
        parser.set_defaults(
            {
                # `ParameterTable` says it by room, `Results` with a row to compare with.
                "trainer.enable_model_summary": False,
            }
        )

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
        root = Path(config.trainer.default_root_dir).expanduser()  # as the Trainer takes it
        config.trainer.default_root_dir = str(root)
        if config.checkpoint.dirpath is None:
            config.checkpoint.dirpath = str(root / CHECKPOINTS)
        newest = Path(config.checkpoint.dirpath) / f"{config.checkpoint.filename}.ckpt"
        config.ckpt_path = checkpoint_path(config.ckpt_path, newest, str(self.subcommand))
        # Apple's accelerator has no float64, which metrics and affinities are summed in.
        if config.trainer.accelerator == "auto" and torch.backends.mps.is_available():
            config.trainer.accelerator = "cpu"
        if self.subcommand == "predict":
            config.return_predictions = False  # they go to files, not into memory

    def _run_subcommand(self, subcommand: str) -> None:
        config = self.config[subcommand]
        first = getattr(rank_zero_only, "rank", 0) == 0
        if not first or config.trainer.fast_dev_run:
            self._run_logged(subcommand)
            return
        root, checkpoints = Path(config.trainer.default_root_dir), Path(config.checkpoint.dirpath)
        fresh = config.ckpt_path is None
        fit = fit_in(root, checkpoints, fresh, lambda: self.trainer.global_step > 0)
        with fit if subcommand == "fit" else evaluation_in(root):
            self._run_logged(subcommand)

    def _run_logged(self, subcommand: str) -> None:
        with loggers_of_a_run(self.trainer):
            super()._run_subcommand(subcommand)

    def instantiate_trainer(self, **options: Any) -> Trainer:
        config = self.config[self.subcommand]
        if config.trainer.logger in (None, True) and not config.trainer.fast_dev_run:
            options["logger"] = [CSV(), TensorBoard()]
        given = self._get(self.config_init, "trainer").plugins or []
        given = given if isinstance(given, list) else [given]
        options["plugins"] = [*given, AtomicCheckpointIO()]
        trainer = super().instantiate_trainer(**options)
        enter_run_folder(trainer, fresh=self.subcommand == "fit" and config.ckpt_path is None)
        tolerate_failing_loggers(trainer)
        if trainer.loggers:
            cast(Any, trainer).callbacks.append(LearningRateMonitor(logging_interval="step"))
        evaluated = None if self.subcommand == "fit" else config.ckpt_path
        cast(Any, trainer).callbacks.append(ClassNames(evaluated))
        if self.subcommand == "predict":
            cast(Any, trainer).callbacks.append(PredictionWriter())
        return trainer

    def after_fit(self) -> None:
        config = self.config[self.subcommand]
        if config.test_after_fit and self.trainer.state.finished:
            hooks = (getattr(self.datamodule, name, None) for name in ("lacks", "predicted_only"))
            reasons = (hook("test") for hook in hooks if hook is not None)
            if reason := next(filter(None, reasons), None):
                rank_zero_warn(f"The test after the fit is left out. {reason}")
            else:
                self.trainer.test(self.model, datamodule=self.datamodule, verbose=False)
        check_saved(self.trainer)

    def after_predict(self) -> None:
        for each in cast(Any, self.trainer).callbacks:
            if isinstance(each, PredictionWriter) and each.written and self.trainer.is_global_zero:
                places = (f"{what} in `{folder}`" for what, folder in each.written.items())
                get_console().print(f"Predictions: {', '.join(places)}.", soft_wrap=True)


class DataCLI(DataOnly, ExperimentCLI):
    """Knows all keys of an experiment; builds its data only."""


class ConfigCLI(ConfigOnly, ExperimentCLI):
    """Knows all keys of an experiment and checks a config against them; builds nothing."""


class ModelCLI(ModelOnly, ExperimentCLI):
    """Knows all keys of an experiment; builds its model only."""


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


@lasting_output()
def main(args: Sequence[str] | None = None) -> None:
    """Runs one command.

    Args:
        args: The words after `lightning`; those of the process by default.
    """
    words = list(sys.argv[1:] if args is None else args)
    if not words or words[0] in ("-h", "--help"):
        sys.stdout.write(USAGE)
        return
    if words[0] not in (*COMMANDS, *DATA_COMMANDS, *OTHER_COMMANDS):
        known = ", ".join((*COMMANDS, *DATA_COMMANDS, *OTHER_COMMANDS))
        fail(f"`{words[0]}` is no command: expected one of {known}.")
    if words[1:] in (["-h"], ["--help"]) and (text := usage(words[0])):
        sys.stdout.write(text)
        return
    words = ["--help" if word == "--help-all" else word for word in words]
    with one_message():
        if words[0] in DATA_COMMANDS:
            DATA_COMMANDS[words[0]](words[1:], _data_of)
        elif words[0] == "benchmark":
            run_benchmark(words[1:], _config_of)
        elif words[0] == "export":
            run_export(words[1:], _model_of)
        elif words[0] == "report":
            run_report(words[1:])
        elif words[0] == "sweep":
            run_sweep(words[1:], _config_of)
        elif words[0] == "predict" and asks_for_images(words):
            run_images(words[1:])
        else:
            _experiment(ExperimentCLI, words)


def _experiment(cli: type[ExperimentCLI], words: Sequence[str]) -> ExperimentCLI:
    return cli(
        LightningModule,
        LightningDataModule,
        subclass_mode_model=True,
        subclass_mode_data=True,
        save_config_callback=RunFolderConfig,
        seed_everything_default=0,
        parser_kwargs=dict.fromkeys(COMMANDS, PARSER) | PARSER,
        args=list(words),
    )


def _data_of(words: Sequence[str]) -> LightningDataModule | None:
    return _experiment(DataCLI, ["fit", *words]).datamodule


def _model_of(words: Sequence[str]) -> LightningModule:
    return _experiment(ModelCLI, ["test", *words]).model


def _config_of(words: Sequence[str]) -> Any:
    return _experiment(ConfigCLI, ["fit", *words]).config.fit
