"""A run folder, read and checked: what a training and its test left behind."""

import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from vtagml.report.logs import Curve, read_logs
from vtagml.report.record import Record, config_of_origin, look_up, read_config, read_record
from vtagml.run_files import is_there, printable_name
from vtagml.run_folder import CHECKPOINTS, CONFIG, METRICS


@dataclass(frozen=True)
class Run(Record):
    """One run folder.

    Attributes:
        folder: Where it is.
        config: Of the training, None where it is not to be found.
        logs: What its CSV logger kept, by key and step.
    """

    folder: Path
    config: Mapping[str, Any] | None
    logs: Mapping[str, Curve]

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.headline)

    @property
    def seeds(self) -> tuple[int | None, int | None]:
        """Seeds of the weights and of the data's order, in training if that is known."""
        own = look_up(self.config, "data.init_args")
        return (
            _first(look_up(self.config, "seed_everything"), self.provenance.get("seed")),
            _first(
                look_up(own, "seed"),
                look_up(own, "source.init_args.seed"),  # a source and a target have their own
                look_up(self.provenance, "data.settings.seed"),
            ),
        )

    @property
    def dataset(self) -> tuple[str, Mapping[str, Any]]:
        """Class and settings of what was evaluated on: the target, where there are two domains."""
        data = self.provenance.get("data")
        target = look_up(data, "settings.target")
        found = target if isinstance(target, Mapping) else data or {}
        settings = look_up(found, "settings")
        return str(found.get("class")), settings if isinstance(settings, Mapping) else found

    @property
    def steps(self) -> int | None:
        return look_up(self.provenance, "training.steps")

    @property
    def configs(self) -> tuple[str, ...]:
        """Names of the YAML files on the command line that produced the result."""
        words = _words(self.provenance.get("command") or "")
        apart = [part for word in words for part in re.split("(?<=^--config)=", word)]
        files = [Path(value) for key, value in pairwise(apart) if key == "--config"]
        return tuple(each.parent.name if each.name == CONFIG else each.stem for each in files)

    def value(self, task: str) -> float:
        """The headline metric of a task."""
        return self.metrics.get(task, {}).get(self.headline[task], math.nan)

    def validation(self, task: str) -> Curve:
        """A task's headline metric on the validation split by optimiser step; may be empty."""
        return self.logs.get(f"val/{task}/{self.headline[task]}", {})

    @property
    def step_seconds(self) -> float | None:
        """The median time of an optimiser step with its data, validation left out.

        It is what the callback `Throughput` logged per batch, times the batches of a step; None
        where it logged nothing.
        """
        batches = self.logs.get("throughput/batch_seconds", {}).values()
        accumulated = look_up(self.config, "trainer.accumulate_grad_batches") or 1
        return median(batches) * accumulated if batches else None


def _first(*seeds: Any) -> int | None:
    return next((each for each in seeds if isinstance(each, int)), None)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a quote without its other: the words name a method, nobody runs them
        return command.split()


def read_run(folder: Path) -> Run:
    """Reads one run folder; what is wrong with it is said in one error."""
    _check(printable_name(folder))
    record = read_record(folder)
    config = read_config(folder)
    checkpoint = record.provenance.get("checkpoint")
    if config is None and checkpoint:  # tested elsewhere than it was trained
        config = config_of_origin(checkpoint)
    return Run(folder=folder, config=config, logs=read_logs(folder), **vars(record))


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's, be it finished or not."""
    return any(is_there(folder / name) for name in (METRICS, CONFIG, CHECKPOINTS))


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise FileNotFoundError(f"`RUN` must be a run folder, there is no folder `{folder}`.")
    if is_there(folder / METRICS):
        return
    if is_run(folder):
        raise FileNotFoundError(
            f"`{folder}` is a run without `{METRICS}`: it is unfinished or was never tested. Resume"
            f" it, or `lightning test --config {folder / CONFIG}`."
        )
    raise FileNotFoundError(
        f"`RUN` must be a run folder or a folder of run folders, found neither `{METRICS}` nor"
        f" `{CONFIG}` in `{folder}`."
    )
