"""A parameter of a sweep: which values it may have, in W&B's words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

RANGES = ("uniform", "int_uniform", "q_uniform", "log_uniform_values")
KEYS = ("value", "values", "min", "max", "q", "distribution")


@dataclass(frozen=True)
class Parameter:
    """One key of the config and its values: some that are listed, or a range.

    Args:
        key: As on the command line, without dashes.
        distribution: Optuna's; listed values are JSON in it, for Optuna keeps no lists.
    """

    key: str
    distribution: BaseDistribution

    @property
    def values(self) -> tuple[Any, ...]:
        """What is listed; empty for a range."""
        return tuple(json.loads(text) for text in getattr(self.distribution, "choices", ()))

    @property
    def searched(self) -> bool:
        """Whether there is more than one value."""
        return not self.distribution.single()

    @property
    def samples(self) -> tuple[Any, ...]:
        """Values that show whether the key takes what it will be given."""
        ends: Any = self.distribution
        return self.values or (ends.low, ends.high)

    def of(self, drawn: Mapping[str, Any]) -> Any:
        """The value in what Optuna has drawn."""
        if not self.searched:
            return self.samples[0]
        return json.loads(drawn[self.key]) if self.values else drawn[self.key]


def listed(key: str, *values: Any) -> Parameter:
    """Returns a parameter with one of some values."""
    return Parameter(key, CategoricalDistribution([json.dumps(value) for value in values]))


def read_parameter(key: str, content: Any) -> Parameter:
    """Reads one entry of `parameters`, or says what is wrong with it."""
    name = f"`parameters.{key}`"
    if not isinstance(content, Mapping) or not content:
        raise ValueError(
            f"{name} must have `value`, `values`, or `min` and `max`, found {content!r}: `values: "
            "[0.1, 0.3]`."
        )
    if nested := [inner for inner in content if inner not in KEYS]:
        raise ValueError(
            f"{name} must have only {', '.join(KEYS)} for a local sweep, found `{nested[0]}`. "
            "Nested keys are written with dots: model.affinity.init_args.kappa."
        )
    if "value" in content or "values" in content:
        return listed(key, *_values(name, content))
    return Parameter(key, _range(name, content))


def _values(name: str, content: Mapping[str, Any]) -> Sequence[Any]:
    values = content["values"] if "values" in content else [content["value"]]
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise ValueError(f"{name} must list its `values`, found {values!r}: `values: [1, 2]`.")
    if any(value is None for value in values):
        raise ValueError(
            f"{name} must have values that W&B can put on a command line, found null, which would "
            'be the word None there: write "null", in quotes.'
        )
    if len({json.dumps(value) for value in values}) < len(values):
        raise ValueError(f"{name} must have different `values`, found one twice in {values!r}.")
    return values


def _range(name: str, content: Mapping[str, Any]) -> BaseDistribution:
    low, high = content.get("min"), content.get("max")
    if not (isinstance(low, int | float) and isinstance(high, int | float) and low < high):
        raise ValueError(
            f"{name} must have a `min` below its `max`, found {low!r} and {high!r}. YAML reads "
            "1e-3 as a word: write 1.0e-3."
        )
    whole = isinstance(low, int) and isinstance(high, int)
    kind = content.get("distribution", "int_uniform" if whole else "uniform")
    if kind not in RANGES:
        raise ValueError(
            f"{name} must have one of the distributions {', '.join(RANGES)} for a local sweep, "
            f"found {kind!r}."
        )
    if kind == "log_uniform_values" and not low > 0:
        raise ValueError(f"{name} must have a `min` above 0 for {kind}, found {low!r}.")
    if (kind == "q_uniform") != ("q" in content):
        raise ValueError(
            f"{name} must have `q` with q_uniform and nowhere else, found {dict(content)}."
        )
    if kind == "int_uniform":
        return IntDistribution(int(low), int(high))
    return FloatDistribution(low, high, kind == "log_uniform_values", content.get("q"))
