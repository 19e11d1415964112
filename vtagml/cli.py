"""The command line: `lightning fit|validate|test|predict --config experiments/….yaml`."""

import logging
import os
import sys
import warnings
from argparse import ArgumentError
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

# Lightning still calls what jsonargparse has renamed; no user can do anything about it.
os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")

import torch
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from vtagml.callbacks import (
    AffinityHeatmap,
    ParameterTable,
    PredictionGrid,
    PredictionWriter,
    Progress,
    Results,
    Throughput,
)

USAGE = """\
Multitask dense vision with transformer adapters.

usage: lightning COMMAND --config experiments/NAME.yaml [--config OVERLAY.yaml] [--KEY VALUE …]

commands:
  fit        train, then test; leaves checkpoint, figures and metrics.json in runs/NAME
  validate   metrics on the validation split
  test       metrics on the test split, as a table and as metrics.json
  predict    predictions as arrays and pictures in runs/NAME/predictions

examples:
  lightning fit --config experiments/scenes_sdne.yaml
  lightning fit --config experiments/scenes_sdne.yaml --trainer.max_steps 50 --data.batch_size 8
  lightning fit --config experiments/scenes_sdne.yaml --print_config
  lightning fit --config experiments/scenes_sdne.yaml --ckpt_path last
  lightning test --config experiments/scenes_sdne.yaml

Any key of a config can be given as --key.sub_key VALUE after it; the last one wins.
`lightning COMMAND --help` names the keys that are changed most, `--help-all` every key.
VTAGML_TRACEBACK=1 shows the traceback of an error.
"""

USAGE_OF_COMMAND = """\
usage: lightning {command} --config FILE [--config OVERLAY] [--KEY VALUE …]

  --config FILE                            an experiment; a later one overrides an earlier one
  --ckpt_path FILE                         the checkpoint to resume (fit) or to evaluate; `last` is
                                           the run folder's, which evaluations take by default
  --seed_everything 1                      random start; --data.seed for order and augmentation
  --trainer.default_root_dir runs/mine     the run folder; default: runs/<name of the config>
  --trainer.max_steps 1000                 how long
  --trainer.devices 8                      how many GPUs; --trainer.precision bf16-mixed
  --model.optimizer.init_args.lr 1e-3      the learning rate
  --model.encoder vtagml.encoders.Frozen   another method; --model.affinity, --model.decoders alike
  --data.batch_size 8                      per rank; likewise --data.workers
  --affinity_heatmap.every 50              likewise --prediction_grid.samples, --progress.every …
  --print_config                           shows the resolved config and stops

  --model.help vtagml.MultitaskModule      the settings of a class; --data.help datamodules.Scenes
  --help-all                               every key
"""

COMMANDS = ("fit", "validate", "test", "predict")
LOGGERS = "logs"

# Warnings of libraries that no user of a config can act on.
UNHELPFUL = (
    "Found .* module.* in eval mode",  # a frozen backbone is meant to be
    ".*isinstance.treespec, LeafSpec.. is deprecated",  # Lightning's, on a newer torch
    "Checkpoint directory .* exists",  # of this very run: resumed, tested or run again
    "The '.*_dataloader' does not have many workers",  # a setting of the config, chosen
    "It is recommended to use .*sync_dist=True",  # our metrics are synchronised already
    "LightningCLI's args parameter is intended",  # the words were looked at before
)
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
            (folder / "config.yaml").write_text(text, encoding="utf-8")


class ExperimentCLI(LightningCLI):
    """LightningCLI with the house's defaults: run folder, loggers, callbacks, links."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--test_after_fit", type=bool, default=True, help="Test as soon as the fit has ended."
        )
        parser.link_arguments("model.task_names", "data.init_args.tasks", apply_on="instantiate")
        for callback, key in (
            (ModelCheckpoint, "checkpoint"),
            (AffinityHeatmap, "affinity_heatmap"),
            (PredictionGrid, "prediction_grid"),
            (ParameterTable, "parameter_table"),
            (Results, "results"),
            (Progress, "progress"),
            (Throughput, "throughput"),
        ):
            parser.add_lightning_class_args(callback, key)
        parser.set_defaults(
            {
                # One file that is always the newest; rerunning an experiment replaces it.
                "checkpoint.filename": "last",
                "checkpoint.save_top_k": 1,
                "checkpoint.enable_version_counter": False,
                # Also at the last step, whenever the last validation was.
                "checkpoint.save_on_train_epoch_end": True,
                # `ParameterTable` says it by room, `Results` with a row to compare with.
                "trainer.enable_model_summary": False,
            }
        )

    def _parse_ckpt_path(self) -> None:
        """Leaves the config alone: a checkpoint's settings must not replace what the YAML says."""

    def before_instantiate_classes(self) -> None:
        torch.set_float32_matmul_precision("high")  # TF32 where the GPU has it
        config = self.config[self.subcommand]
        if config.trainer.default_root_dir is None:
            names = [Path(str(path)).stem for path in config.config or ["run"]]
            config.trainer.default_root_dir = str(Path("runs") / "+".join(names))
        root = Path(config.trainer.default_root_dir)
        if config.checkpoint.dirpath is None:
            config.checkpoint.dirpath = str(root / "checkpoints")
        newest = Path(config.checkpoint.dirpath) / f"{config.checkpoint.filename}.ckpt"
        config.ckpt_path = checkpoint_path(config.ckpt_path, newest, str(self.subcommand))
        # Apple's accelerator has no float64, which metrics and affinities are summed in.
        if config.trainer.accelerator == "auto" and torch.backends.mps.is_available():
            config.trainer.accelerator = "cpu"
        if self.subcommand == "predict":
            config.return_predictions = False  # they go to files, not into memory
        fresh = self.subcommand == "fit" and config.ckpt_path is None
        first = getattr(rank_zero_only, "rank", 0) == 0
        if fresh and first and not config.trainer.fast_dev_run:
            set_aside(root)

    def instantiate_trainer(self, **options: Any) -> Trainer:
        config = self.config[self.subcommand]
        if config.trainer.logger in (None, True) and not config.trainer.fast_dev_run:
            root = config.trainer.default_root_dir
            options["logger"] = [
                CSVLogger(root, name=LOGGERS),
                TensorBoardLogger(root, name=LOGGERS),
            ]
        trainer = super().instantiate_trainer(**options)
        if trainer.loggers:
            cast(Any, trainer).callbacks.append(LearningRateMonitor(logging_interval="step"))
        if self.subcommand == "predict":
            cast(Any, trainer).callbacks.append(PredictionWriter())
        return trainer

    def after_fit(self) -> None:
        config = self.config[self.subcommand]
        if config.test_after_fit and self.trainer.state.finished:
            self.trainer.test(self.model, datamodule=self.datamodule, verbose=False)


def checkpoint_path(given: str | None, newest: Path, command: str) -> str | None:
    """Returns the checkpoint that a command starts from, None for a fresh start.

    Args:
        given: What the user asked for: a file, `last`, `none`, or nothing.
        newest: Where the run's newest checkpoint is, if there is one.
        command: Evaluations take the newest if nothing is given, instead of random weights.
    """
    if given in ("none", "None", "null"):
        return None
    if given is None and command == "fit":
        return None
    path = newest if given in (None, "last") else Path(str(given))
    if not path.is_file():
        raise FileNotFoundError(
            f"`ckpt_path` must be a checkpoint, found no file `{path}`. Train first (`lightning "
            "fit`), give another file, or `--ckpt_path none` for the weights as constructed."
        )
    try:
        torch.load(path, map_location="meta", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"`ckpt_path` must be a checkpoint of `lightning fit`, `{path}` could not be read "
            f"({str(error).splitlines()[0]}). It may be cut off, or not a checkpoint."
        ) from error
    return str(path)


def set_aside(root: Path) -> None:
    """Moves an earlier run out of the way, so that a folder never mixes two runs."""
    if (root / "config.yaml").is_file():
        number = 1
        while (earlier := root.with_name(f"{root.name}.{number}")).exists():
            number += 1
        root.rename(earlier)
        sys.stderr.write(f"The earlier run in {root} is now in {earlier}.\n")


def main(args: Sequence[str] | None = None) -> None:
    """Runs one command.

    Args:
        args: The words after `lightning`; those of the process by default.
    """
    words = list(sys.argv[1:] if args is None else args)
    if not words or words[0] in ("-h", "--help"):
        sys.stdout.write(USAGE)
        return
    if words[0] not in COMMANDS:
        _fail(f"`{words[0]}` is no command: expected one of {', '.join(COMMANDS)}.")
    if words[1:] in (["-h"], ["--help"]):
        sys.stdout.write(USAGE_OF_COMMAND.format(command=words[0]))
        return
    words = ["--help" if word == "--help-all" else word for word in words]
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_is_no_advertisement)
    try:
        with warnings.catch_warnings():
            for message in UNHELPFUL:
                warnings.filterwarnings("ignore", message)
            ExperimentCLI(
                LightningModule,
                LightningDataModule,
                subclass_mode_model=True,
                subclass_mode_data=True,
                save_config_callback=RunFolderConfig,
                seed_everything_default=0,
                parser_kwargs=dict.fromkeys(COMMANDS, PARSER) | PARSER,
                args=words,
            )
    except (ArgumentError, ValueError, FileNotFoundError, MisconfigurationException) as error:
        if os.environ.get("VTAGML_TRACEBACK"):
            raise
        _fail(_brief(str(error)))


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    return "Tip:" not in record.getMessage()


def _brief(message: str) -> str:
    """Leaves out of the parser's report what tells a reader nothing: types tried, values given."""
    noise = ("Given value", "Subtypes:", "Errors:", "Does not validate", "- Expected a <class '")
    if "Original Traceback" in message:  # raised in a loader's worker
        message = message.rstrip().rsplit("\nValueError: ", 1)[-1]
    lines = [line for line in message.splitlines() if not line.strip().startswith(noise)]
    return "\n".join(lines).removeprefix("  - ")


def _fail(message: str) -> None:
    sys.stderr.write(f"error: {message}\n")
    raise SystemExit(2)
