"""A parameter of a sweep: which values it may have, in W&B's words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import BaseTrial

Value = str | bool | int | float

RANGES = ("uniform", "int_uniform", "q_uniform", "log_uniform_values")
KEYS = ("value", "values", "min", "max", "q", "distribution")


@dataclass(frozen=True)
class Parameter:
    """One key of the config and its values: some that are listed, or a range.

    Args:
        key: As on the command line, without dashes.
        values: What may be tried; empty for a range.
        low: The least of a range.
        high: The largest of a range.
        step: Distance of two values in a range, None for any.
        logarithmic: Whether ratios matter in a range, as for learning rates.
        whole: Whether a range holds whole numbers only.
    """

    key: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    logarithmic: bool = False
    whole: bool = False

    @property
    def listed(self) -> bool:
        return bool(self.values)

    @property
    def searched(self) -> bool:
        """Whether there is more than one value."""
        return not self.listed or len(self.values) > 1

    @property
    def texts(self) -> tuple[str, ...]:
        """The listed values as words: Optuna keeps no lists."""
        return tuple(json.dumps(value) for value in self.values)

    @property
    def samples(self) -> tuple[Any, ...]:
        """Values that show whether the key takes what it will be given."""
        if self.listed:
            return self.values
        return (int(self.low), int(self.high)) if self.whole else (self.low, self.high)

    def suggest(self, trial: BaseTrial) -> Any:
        """Returns the value that Optuna's trial shall try."""
        if len(self.values) == 1:
            return self.values[0]
        if self.listed:
            return json.loads(str(trial.suggest_categorical(self.key, self.texts)))
        if self.whole:
            return trial.suggest_int(self.key, int(self.low), int(self.high), log=self.logarithmic)
        return trial.suggest_float(
            self.key, self.low, self.high, step=self.step, log=self.logarithmic
        )


def read_parameter(key: str, given: Any) -> Parameter:
    """Reads one entry of `parameters`, or says what is wrong with it."""
    name = f"`parameters.{key}`"
    if not isinstance(given, Mapping) or not given:
        raise ValueError(
            f"{name} must have `value`, `values`, or `min` and `max`, found {given!r}: `values: "
            "[0.1, 0.3]`."
        )
    unknown = [each for each in given if each not in KEYS]
    if unknown:
        raise ValueError(
            f"{name} must have only {', '.join(KEYS)} for a local sweep, found `{unknown[0]}`. "
            "Nested keys are written with dots: model.affinity.init_args.kappa."
        )
    if "value" in given or "values" in given:
        return Parameter(key, _listed(name, given))
    return _range(key, name, given)


def _listed(name: str, given: Mapping[str, Any]) -> tuple[Any, ...]:
    values = given["values"] if "values" in given else [given["value"]]
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise ValueError(f"{name} must list its `values`, found {values!r}: `values: [1, 2]`.")
    if any(value is None for value in values):
        raise ValueError(
            f"{name} must have values that W&B can put on a command line, found null, which would "
            'be the word None there: write "null", in quotes.'
        )
    if len({json.dumps(value) for value in values}) < len(values):
        raise ValueError(f"{name} must have different `values`, found one twice in {values!r}.")
    return tuple(values)


def _range(key: str, name: str, given: Mapping[str, Any]) -> Parameter:
    low, high = given.get("min"), given.get("max")
    numbers = [each for each in (low, high) if isinstance(each, int | float)]
    if len(numbers) < 2 or not numbers[0] < numbers[1]:
        raise ValueError(
            f"{name} must have a `min` below its `max`, found {low!r} and {high!r}. YAML reads "
            "1e-3 as a word: write 1.0e-3."
        )
    whole = all(isinstance(each, int) for each in numbers)
    kind = given.get("distribution", "int_uniform" if whole else "uniform")
    if kind not in RANGES:
        raise ValueError(
            f"{name} must have one of the distributions {', '.join(RANGES)} for a local sweep, "
            f"found {kind!r}."
        )
    if kind == "log_uniform_values" and not numbers[0] > 0:
        raise ValueError(f"{name} must have a `min` above 0 for {kind}, found {low!r}.")
    if (kind == "q_uniform") != ("q" in given):
        raise ValueError(
            f"{name} must have `q` with q_uniform and nowhere else, found {dict(given)}."
        )
    return Parameter(
        key,
        low=float(numbers[0]),
        high=float(numbers[1]),
        step=given.get("q"),
        logarithmic=kind == "log_uniform_values",
        whole=kind == "int_uniform",
    )
