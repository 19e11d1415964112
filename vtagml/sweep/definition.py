"""What a sweep's file says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vtagml.launching import read_yaml
from vtagml.sweep.command_line import check_command
from vtagml.sweep.parameters import Parameter, read_parameter

METHODS = ("grid", "random", "bayes")
GOALS = ("minimize", "maximize")
KEYS = (
    *("program", "command", "method", "metric", "parameters", "early_terminate", "run_cap"),
    *("name", "description", "project", "entity"),
)
STOP_KEYS = ("type", "min_iter", "max_iter", "s", "eta")


@dataclass(frozen=True)
class EarlyStop:
    """Hyperband: trials behind others at the same validation are given up.

    Args:
        least: Validations that every trial may do.
        most: Validations of a whole trial, None for as many as the first that ended did.
        factor: One of so many goes on at each rung.
    """

    least: int = 1
    most: int | None = None
    factor: int = 3


@dataclass(frozen=True)
class Sweep:
    """A command of ours, the keys to vary, and what is to be made small or large.

    Args:
        command: Words as W&B's agent takes them, with `${args}`.
        method: `grid`, `random` or `bayes`.
        metric: What a validation logs.
        goal: `minimize` or `maximize` it.
        parameters: By key.
        early: None for trials that all run to their end.
        cap: Trials, unless the command says how many.
    """

    command: tuple[str, ...]
    method: str
    metric: str
    goal: Literal["minimize", "maximize"]
    parameters: Mapping[str, Parameter]
    early: EarlyStop | None = None
    cap: int | None = None

    @property
    def searched(self) -> tuple[Parameter, ...]:
        """The parameters with more than one value."""
        return tuple(each for each in self.parameters.values() if each.searched)

    def best_first(self, value: float) -> float:
        """What to sort by."""
        return value if self.goal == "minimize" else -value


def read_sweep(path: Path) -> Sweep:
    """Reads a sweep in W&B's format, and says what in it a local sweep cannot do."""
    given = read_yaml(path, "--local")
    if not isinstance(given, Mapping):
        raise ValueError(f"`{path}` must be a sweep in W&B's format, found {type(given).__name__}.")
    unknown = [str(key) for key in given if key not in KEYS]
    if unknown:
        raise ValueError(
            f"`{path}` must have only the keys {', '.join(KEYS)}, found `{unknown[0]}`."
        )
    method = given.get("method")
    if method not in METHODS:
        raise ValueError(f"`method` must be one of {', '.join(METHODS)}, found {method!r}.")
    metric, goal = _metric(given.get("metric"))
    parameters = given.get("parameters")
    if not isinstance(parameters, Mapping) or not parameters:
        raise ValueError(f"`parameters` must name keys of the config, found {parameters!r}.")
    read = {str(key): read_parameter(str(key), each) for key, each in parameters.items()}
    if not any(each.searched for each in read.values()):
        raise ValueError("`parameters` must have one with several values, found none.")
    ranges = [key for key, each in read.items() if not each.listed]
    if method == "grid" and ranges:
        raise ValueError(
            f"`parameters.{ranges[0]}` must list its `values` for a grid, found a range: list "
            "them, or take `method: random`."
        )
    return Sweep(
        command=check_command(given.get("command")),
        method=method,
        metric=metric,
        goal=goal,
        parameters=read,
        early=_early(given.get("early_terminate")),
        cap=_count("run_cap", given.get("run_cap")),
    )


def _metric(given: Any) -> tuple[str, Literal["minimize", "maximize"]]:
    found = given if isinstance(given, Mapping) else {}
    name, goal = found.get("name"), found.get("goal")
    if not isinstance(name, str) or goal not in GOALS:
        raise ValueError(
            f"`metric` must have a `name` and a `goal` out of {', '.join(GOALS)}, found {given!r}."
        )
    if not name.startswith("val/"):
        raise ValueError(
            f"`metric.name` must be a metric of the validation, such as val/depth/rmse, found "
            f"{name!r}: what is tested must not choose settings."
        )
    return name, "minimize" if goal == "minimize" else "maximize"


def _early(given: Any) -> EarlyStop | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or given.get("type") != "hyperband":
        raise ValueError(f"`early_terminate` must be of `type: hyperband`, found {given!r}.")
    unknown = [each for each in given if each not in STOP_KEYS]
    if unknown:
        raise ValueError(
            f"`early_terminate` must have only {', '.join(STOP_KEYS)} for a local sweep, found "
            f"`{unknown[0]}`."
        )
    least, most = (
        _count(f"early_terminate.{key}", given.get(key)) for key in ("min_iter", "max_iter")
    )
    if (least is None) == (most is None):
        raise ValueError(
            "`early_terminate` must have either `min_iter` or `max_iter` (validations), found "
            f"{dict(given)}."
        )
    factor = _count("early_terminate.eta", given.get("eta")) or 3  # W&B's
    rungs = _count("early_terminate.s", given.get("s")) or 2  # likewise
    return EarlyStop(least or max(1, (most or 1) // factor**rungs), most, factor)


def _count(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"`{name}` must be a whole number of at least 1, found {value!r}.")
    return value
