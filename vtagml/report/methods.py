"""Methods: runs in which everything is equal but the seeds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vtagml.report.record import config_of_origin, look_up, run_of
from vtagml.report.runs import Run, names_of, seed_or_name

# What tells two trainings apart as little as their names do.
INCIDENTAL = (
    "seed_everything",
    "affinity_heatmap",
    "augmented_testing",
    "checkpoint",
    "ckpt_path",
    "class_names",
    "parameter_table",
    "prediction_grid",
    "progress",
    "results",
    "test_after_fit",
    "throughput",
    "weights_only",
)
INCIDENTAL_OF_TRAINER = (
    "check_val_every_n_epoch",
    "default_root_dir",
    "enable_autolog_hparams",
    "enable_checkpointing",
    "enable_model_summary",
    "enable_progress_bar",
    "fast_dev_run",
    "limit_val_batches",
    "log_every_n_steps",
    "logger",
    "num_sanity_val_steps",
    "profiler",
    "val_check_interval",
)
ONLOOKERS = ("vtagml.callbacks.GradientConflicts",)
INCIDENTAL_OF_DATA = ("cache", "evaluated_at", "prepared", "root", "seed", "workers")
FOLDERS = "datamodules.Folders"
ROOT_OF_FOLDERS = "root of the folders"  # Which is the dataset; of others it is where they lie.
FILES_OF_RUNS = (".ckpt", ".json", ".safetensors")
MOST_ORIGINS = 16


@dataclass(frozen=True)
class Method:
    """Runs of one method under the name that tables show."""

    name: str
    runs: tuple[Run, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        return self.runs[0].tasks


def group(runs: Sequence[Run], by: str = "config") -> list[Method]:
    """Groups runs by all of their settings but the seeds, in the order of their first runs.

    Args:
        runs: At least one.
        by: What names a method: `config` (the YAML files it was started with), `folder`, or a key
            of the config. Where this names two methods alike, the settings in which they differ are
            added.

    Raises:
        ValueError: `by` is unknown, or two runs of a method have the same seed.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(json.dumps(identity(run), sort_keys=True, default=str), []).append(run)
    members = list(groups.values())
    for own in members:
        _check_seeds(own)
    firsts = [own[0] for own in members]
    names = _distinct([_name(run, by) for run in firsts], firsts)
    return [Method(name, tuple(own)) for name, own in zip(names, members, strict=True)]


def identity(run: Run) -> dict[str, Any]:
    """Returns the settings that make a method: of its config, without one of what is recorded."""
    if run.config is not None:
        return training(run.config, iter(range(MOST_ORIGINS)))
    kept = ("encoder", "decoders", "affinity", "backbone", "tasks", "precision", "parameters")
    recorded = {name: run.recorded(name) for name in kept}
    settings = everywhere_without(run.recorded("data.settings") or {}, INCIDENTAL_OF_DATA)
    # Who says that two checkpoints are of one method? Each is its own.
    checkpoint = run.recorded("checkpoint") or ""
    return {**recorded, "data": settings, "steps": run.steps, "checkpoint": checkpoint}


def training(config: Mapping[str, Any], left: Iterator[int]) -> dict[str, Any]:
    """Returns a config without seeds, places, and what only looks on.

    A file of another run becomes that run's own settings: seeds start from seeds.

    Args:
        config: Of a run.
        left: An item for each time that this may be done, for runs can name each other.
    """
    kept = _without(config, INCIDENTAL)
    kept["trainer"] = _without(kept.get("trainer") or {}, INCIDENTAL_OF_TRAINER)
    kept["trainer"]["callbacks"] = _without_onlookers(kept["trainer"].get("callbacks"))
    kept["data"] = everywhere_without(kept.get("data") or {}, INCIDENTAL_OF_DATA)
    return _resolved(kept, left)


def _resolved(value: Any, left: Iterator[int]) -> Any:
    if isinstance(value, Mapping):
        # Runs of before there was a setting lack what is null in later ones.
        given = {key: part for key, part in value.items() if part is not None}
        return {key: _resolved(part, left) for key, part in given.items()}
    if isinstance(value, list):
        return [_resolved(part, left) for part in value]
    if isinstance(value, str) and (value.endswith(FILES_OF_RUNS) or "/" in value):
        folder = run_of(value)
        if folder is not None and next(left, None) is not None:
            config = config_of_origin(value)
            if config is not None:
                inside = Path(value).relative_to(folder)
                return {"of the run": training(config, left), "file": str(inside)}
    return value


def everywhere_without(settings: Any, names: Sequence[str]) -> Any:
    """Leaves out names at every depth: a dataset of two domains, or of parts, holds datasets."""
    if isinstance(settings, Mapping):
        own = _without(settings, names)
        if settings.get("class_path") == FOLDERS:
            own[ROOT_OF_FOLDERS] = look_up(settings, "init_args.root")
        return {key: everywhere_without(value, names) for key, value in own.items()}
    if isinstance(settings, list):
        return [everywhere_without(value, names) for value in settings]
    return settings


def _without(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in names}


def _without_onlookers(callbacks: Any) -> Any:
    """Leaves out what changes nothing of a training; None where nothing is left."""
    if not isinstance(callbacks, list):
        return callbacks
    return [each for each in callbacks if look_up(each, "class_path") not in ONLOOKERS] or None


def _check_seeds(runs: Sequence[Run]) -> None:
    seen: dict[tuple[Any, Any], Run] = {}
    for run in runs:
        other = seen.setdefault(run.seeds, run)
        if other is not run:
            raise ValueError(
                f"`RUN` must hold a method's seed only once, found `{other.folder}` and "
                f"`{run.folder}` with equal settings and the seeds {list(run.seeds)}: the same run "
                "twice says nothing about the spread. Leave one out."
            )


def _name(run: Run, by: str) -> str:
    if by == "folder":
        return seed_or_name(run.folder.resolve())
    if by == "config":
        return "+".join(run.configs) or seed_or_name(run.folder.resolve())
    setting = look_up(run.config, by)
    if setting is None:
        raise ValueError(
            "`--by` must be config, folder or a key of the config (model.init_args.encoder), found "
            f"`{by}`, which `{run.folder}` does not have."
        )
    class_path = look_up(run.config, f"{by}.class_path")
    return str(class_path).rpartition(".")[2] if class_path else str(setting)


def _distinct(names: Sequence[str], runs: Sequence[Run]) -> list[str]:
    told = list(names)
    for name in set(names):
        alike = [index for index, other in enumerate(names) if other == name]
        if len(alike) > 1:
            for index, what in zip(alike, _differences([runs[i] for i in alike]), strict=True):
                told[index] = f"{name}, {what}"
    return told


def _differences(runs: Sequence[Run]) -> list[str]:
    """Says of each run what tells it from the others: short settings, or else its folder."""
    flat = [dict(leaves(identity(run))) for run in runs]
    keys = dict.fromkeys(key for own in flat for key in own)
    telling = [key for key in keys if len({str(own.get(key)) for own in flat}) > 1]
    words = [
        ", ".join(f"{key.rpartition('.')[2]}={_short(own.get(key))}" for key in telling[:3])
        for own in flat
    ]
    if len(set(words)) < len(words) or len(telling) > 3:
        return names_of([run.folder for run in runs])
    return words


def leaves(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Goes through nested settings by dotted key."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 24 else text[:23] + "…"
