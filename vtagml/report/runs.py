"""Run folders, read and checked: what a training and its test left behind."""

import json
import math
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from vtagml.report.logs import Curve, read_logs
from vtagml.run_folder import CHECKPOINTS, CONFIG, METRICS

# What the parts of the file map names to.
EXPECTED: Mapping[str, type] = {
    "metrics": dict,
    "headline": str,
    "higher_is_better": dict,
    "provenance": object,
}


@dataclass(frozen=True)
class Run:
    """One run folder.

    Attributes:
        folder: Where it is.
        metrics: Per task and metric, NaN where the run has no finite number.
        prior: The same of a prediction that never looks at the image; may be empty.
        headline: The metric of each task that tables show.
        higher_is_better: Per task and metric, None where nobody says.
        provenance: What produced the result, as `vtagml.callbacks.provenance` describes it.
        config: Of the training, None where it is not to be found.
        logs: What its CSV logger kept, by key and step.
    """

    folder: Path
    metrics: Mapping[str, Mapping[str, float]]
    prior: Mapping[str, Mapping[str, float]]
    headline: Mapping[str, str]
    higher_is_better: Mapping[str, Mapping[str, bool | None]]
    provenance: Mapping[str, Any]
    config: Mapping[str, Any] | None
    logs: Mapping[str, Curve]

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.headline)

    @property
    def seeds(self) -> tuple[Any, Any]:
        """Seeds of the weights and of the data's order, in training if that is known."""
        first = look_up(self.config, "seed_everything")
        second = look_up(self.config, "data.init_args.seed")
        if second is None:  # a source and a target have their own
            second = look_up(self.config, "data.init_args.source.init_args.seed")
        return (
            self.provenance.get("seed") if first is None else first,
            look_up(self.provenance, "data.settings.seed") if second is None else second,
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
        words = shlex.split(str(self.provenance.get("command") or ""))
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


def look_up(content: Mapping[str, Any] | None, path: str) -> Any:
    """Returns what stands under a dotted path, None where nothing does."""
    found: Any = content
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def read_run(folder: Path) -> Run:
    """Reads one run folder; what is wrong with it is said in one error."""
    content = _content(folder)
    config = read_config(folder)
    checkpoint = look_up(content, "provenance.checkpoint")
    if config is None and checkpoint:  # tested elsewhere than it was trained
        config = next(filter(None, map(read_config, Path(checkpoint).parents[:2])), None)
    return Run(
        folder=folder,
        metrics=_numbers(folder, content["metrics"].get("model")),
        prior=_numbers(folder, content["metrics"].get("prior") or {}),
        headline=content["headline"],
        higher_is_better=content["higher_is_better"],
        provenance=content["provenance"],
        config=config,
        logs=read_logs(folder),
    )


def _content(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise FileNotFoundError(f"`RUN` must be a run folder, there is no folder `{folder}`.")
    file = folder / METRICS
    if not file.is_file() and is_run(folder):
        raise FileNotFoundError(
            f"`{folder}` is a run without `{METRICS}`: it is unfinished or was never tested. Resume"
            f" it, or `lightning test --config {folder / CONFIG}`."
        )
    if not file.is_file():
        raise FileNotFoundError(
            f"`RUN` must be a run folder or a folder of run folders, found neither `{METRICS}` nor"
            f" `{CONFIG}` in `{folder}`."
        )
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"`{file}` is damaged and cannot be read as JSON ({error}): test the run again."
        ) from None
    sections = content if isinstance(content, dict) else {}
    missing = [name for name, kind in EXPECTED.items() if not _holds(sections.get(name), kind)]
    if missing:
        raise ValueError(
            f"`{file}` must be what `lightning test` leaves, found no usable {', '.join(missing)} "
            "in it: it is of another program or version; leave it out or test again."
        )
    return sections


def _holds(section: Any, kind: type) -> bool:
    return bool(
        isinstance(section, dict) and section and all(isinstance(v, kind) for v in section.values())
    )


def read_config(folder: Path) -> dict[str, Any] | None:
    """Returns the config that a training left in its run folder, None where there is none."""
    file = folder / CONFIG
    if not file.is_file():
        return None
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        config = str(error).splitlines()[0]
    if not isinstance(config, dict):
        raise ValueError(f"`{file}` must be the config of a training, found {config!r}.")
    return config


def _numbers(folder: Path, metrics: Any) -> dict[str, dict[str, float]]:
    try:
        return {
            task: {name: math.nan if value is None else float(value) for name, value in own.items()}
            for task, own in metrics.items()
        }
    except (AttributeError, TypeError, ValueError):
        raise ValueError(
            f"`metrics` in `{folder / METRICS}` must hold a number per task and metric, found "
            f"{str(metrics)[:80]}: test the run again."
        ) from None


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's, be it finished or not."""
    return any((folder / name).exists() for name in (METRICS, CONFIG, CHECKPOINTS))


def find_runs(paths: Sequence[Path]) -> tuple[list[Run], list[str]]:
    """Reads all runs that are named, or lie in a folder that is named.

    Args:
        paths: Run folders, or folders of run folders at any depth.

    Returns:
        The runs, each once, and why others that were not named themselves are left out.

    Raises:
        FileNotFoundError, ValueError: A run that was named cannot be used.
    """
    runs: dict[Path, Run] = {}
    left_out: dict[Path, str] = {}
    for path in paths:
        if is_run(path) or not path.is_dir():
            runs.setdefault(path.resolve(), read_run(path))
            continue
        before = len(runs) + len(left_out)
        for folder in _below(path):
            if replaced := _replacement(folder):
                reason = f"`{folder}` was set aside when `{replaced}` was run again."
                left_out.setdefault(folder.resolve(), reason)
                continue
            try:
                runs.setdefault(folder.resolve(), read_run(folder))
            except (OSError, ValueError) as error:
                left_out.setdefault(folder.resolve(), str(error))
        if before == len(runs) + len(left_out):
            read_run(path)  # says that it is none
    return list(runs.values()), [why for place, why in left_out.items() if place not in runs]


def _below(folder: Path) -> Iterator[Path]:
    for child in sorted(each for each in folder.iterdir() if each.is_dir()):
        if is_run(child):
            yield child
        else:
            yield from _below(child)


def _replacement(folder: Path) -> Path | None:
    """The later run of the same name, for a run that was set aside as `NAME.1`."""
    name, _, number = folder.name.rpartition(".")
    later = folder.with_name(name) if name and number.isdigit() else None
    return later if later is not None and is_run(later) else None
