"""A run folder, read and checked: what a training and its test left behind."""

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from vtagml.metrics.unit import Unit
from vtagml.report.logs import Curve, read_logs
from vtagml.report.record import Metrics, config_of_origin, look_up, read_config, read_record
from vtagml.run_files import is_there, printable_name
from vtagml.run_folder import CONFIG, METRICS, RunFolder


@dataclass(frozen=True)
class Run:
    """One run folder.

    Attributes:
        folder: Where it is.
        metrics: Per task and metric, NaN where the run has no finite number.
        prior: The same of a prediction that never looks at the image; may be empty.
        headline: The metric of each task that tables show.
        higher_is_better: Per task and metric, None where nobody says.
        units: Per task and metric, how people read it.
        comparable: Per task, what must agree for two runs to be compared.
        letters: Per task, its short name in papers.
        provenance: What produced the result, as `vtagml.callbacks.provenance` describes it.
        config: Of the training, None where it is not to be found.
        logs: What its CSV logger kept, by key and step.
    """

    folder: Path
    metrics: Metrics
    prior: Metrics
    headline: Mapping[str, str]
    higher_is_better: Mapping[str, Mapping[str, bool | None]]
    units: Mapping[str, Mapping[str, Unit]]
    comparable: Mapping[str, Mapping[str, Any]]
    letters: Mapping[str, str]
    provenance: Mapping[str, Any]
    config: Mapping[str, Any] | None
    logs: Mapping[str, Curve]

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.headline)

    def recorded(self, path: str) -> Any:
        """What the run recorded of its making under a dotted path, None where nothing is."""
        return look_up(self.provenance, path)

    @property
    def seeds(self) -> tuple[int | None, int | None]:
        """Seeds of the weights and of the data's order, in training if that is known."""
        own = look_up(self.config, "data.init_args")
        return (
            _first(look_up(self.config, "seed_everything"), self.recorded("seed")),
            _first(
                look_up(own, "seed"),
                look_up(own, "source.init_args.seed"),  # a source and a target have their own
                self.recorded("data.settings.seed"),
            ),
        )

    @property
    def dataset(self) -> tuple[str, Mapping[str, Any]]:
        """Class and settings of what was evaluated on: the target, where there are two domains."""
        data, target = self.recorded("data") or {}, self.recorded("data.settings.target")
        evaluated = target if isinstance(target, Mapping) else data
        settings = look_up(evaluated, "settings")
        return str(evaluated.get("class")), settings if isinstance(settings, Mapping) else {}

    @property
    def steps(self) -> int | None:
        return self.recorded("training.steps")

    @property
    def commit(self) -> str | None:
        changed = " with changes" if self.recorded("commit.dirty") else ""
        return f"{commit}{changed}" if (commit := self.recorded("commit.hash")) else None

    @property
    def configs(self) -> tuple[str, ...]:
        """Names of the YAML files on the command line that produced the result."""
        words = _words(self.recorded("command") or "")
        apart = [part for word in words for part in re.split("(?<=^--config)=|(?<=^-c)=", word)]
        files = [Path(value) for key, value in pairwise(apart) if key in ("--config", "-c")]
        return tuple(
            seed_or_name(file.parent) if file.name == CONFIG else file.stem for file in files
        )

    def unit(self, task: str, metric: str) -> Unit:
        return self.units.get(task, {}).get(metric, Unit(metric))

    def better(self, task: str, metric: str) -> bool | None:
        """Whether higher is better."""
        return self.higher_is_better.get(task, {}).get(metric)

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
    return next((seed for seed in seeds if isinstance(seed, int)), None)


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
    checkpoint = record["provenance"].get("checkpoint")
    if config is None and checkpoint:  # tested elsewhere than it was trained
        config = config_of_origin(checkpoint)
    return Run(folder=folder, config=config, logs=read_logs(folder), **record)


def seed_or_name(folder: Path) -> str:
    """The folder's name, with that of the method where it is a seed alone."""
    return "/".join(folder.parts[-2:]) if folder.name.isdigit() else folder.name


def names_of(folders: Sequence[Path]) -> list[str]:
    """Names that tell folders apart."""
    names = [seed_or_name(folder.resolve()) for folder in folders]
    return [
        str(folder) if names.count(name) > 1 else name
        for folder, name in zip(folders, names, strict=True)
    ]


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's, be it finished or not."""
    run = RunFolder(folder)
    return any(map(is_there, (run.metrics, run.config, run.checkpoints)))


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise FileNotFoundError(f"`RUN` must be a run folder, there is no folder `{folder}`.")
    if is_there(RunFolder(folder).metrics):
        return
    if is_run(folder):
        raise FileNotFoundError(
            f"`{folder}` is a run without `{METRICS}`: it is unfinished or was never tested. Resume"
            f" it, or `lightning test --config {RunFolder(folder).config}`."
        )
    raise FileNotFoundError(
        f"`RUN` must be a run folder or a folder of run folders, found neither `{METRICS}` nor"
        f" `{CONFIG}` in `{folder}`."
    )
