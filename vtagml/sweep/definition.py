"""What a sweep's file says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vtagml.launching import check_keys, read_yaml
from vtagml.sweep.command_line import check_command
from vtagml.sweep.parameters import Parameter, read_parameter

METHODS = ("grid", "random", "bayes")
GOALS = ("minimize", "maximize")
KEYS = (
    *("program", "command", "method", "metric", "parameters", "early_terminate", "run_cap"),
    *("name", "description", "project", "entity"),
)
STOP_KEYS = ("type", "min_iter", "eta")


@dataclass(frozen=True)
class EarlyStop:
    """Hyperband: trials behind others at the same validation are given up.

    Args:
        least: Validations that every trial may do.
        factor: One of so many goes on at each rung.
    """

    least: int
    factor: int = 3  # W&B's default


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
        return tuple(own for own in self.parameters.values() if own.searched)

    def best_first(self, value: float) -> float:
        """What to sort by."""
        return value if self.goal == "minimize" else -value


def read_sweep(path: Path) -> Sweep:
    """Reads a sweep in W&B's format, and says what in it a local sweep cannot do."""
    content = check_keys(read_yaml(path, "--local"), f"`{path}`", KEYS)
    method = content.get("method")
    if method not in METHODS:
        raise ValueError(f"`method` must be one of {', '.join(METHODS)}, found {method!r}.")
    metric, goal = _metric(content.get("metric"))
    parameters = content.get("parameters")
    if not isinstance(parameters, Mapping) or not parameters:
        raise ValueError(f"`parameters` must name keys of the config, found {parameters!r}.")
    read = {str(key): read_parameter(str(key), own) for key, own in parameters.items()}
    if not any(own.searched for own in read.values()):
        raise ValueError("`parameters` must have one with several values, found none.")
    ranges = [key for key, own in read.items() if not own.values]
    if method == "grid" and ranges:
        raise ValueError(
            f"`parameters.{ranges[0]}` must list its `values` for a grid, found a range: list "
            "them, or take `method: random`."
        )
    return Sweep(
        command=check_command(content.get("command")),
        method=method,
        metric=metric,
        goal=goal,
        parameters=read,
        early=_early(content.get("early_terminate")),
        cap=_count("run_cap", content.get("run_cap")),
    )


def _metric(content: Any) -> tuple[str, Literal["minimize", "maximize"]]:
    known = content if isinstance(content, Mapping) else {}
    name, goal = known.get("name"), known.get("goal")
    if not isinstance(name, str) or goal not in GOALS:
        raise ValueError(
            f"`metric` must have a `name` and a `goal` out of {', '.join(GOALS)}, found "
            f"{content!r}."
        )
    if not name.startswith("val/"):
        raise ValueError(
            f"`metric.name` must be a metric of the validation, such as val/depth/rmse, found "
            f"{name!r}: what is tested must not choose settings."
        )
    return name, "minimize" if goal == "minimize" else "maximize"


def _early(content: Any) -> EarlyStop | None:
    if content is None:
        return None
    if not isinstance(content, Mapping) or content.get("type") != "hyperband":
        raise ValueError(f"`early_terminate` must be of `type: hyperband`, found {content!r}.")
    content = check_keys(content, "`early_terminate` of a local sweep", STOP_KEYS)
    least, factor = (
        _count(f"early_terminate.{key}", content.get(key)) for key in ("min_iter", "eta")
    )
    if least is None:
        raise ValueError(f"`early_terminate` must have `min_iter` (validations), found {content}.")
    return EarlyStop(least) if factor is None else EarlyStop(least, factor)


def _count(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"`{name}` must be a whole number of at least 1, found {value!r}.")
    return value
