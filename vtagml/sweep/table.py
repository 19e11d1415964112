"""A sweep's trials as a table, and the best as a command to copy."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from vtagml.launching import as_typed
from vtagml.report import Sheet
from vtagml.sweep.definition import Sweep
from vtagml.sweep.parameters import Parameter
from vtagml.sweep.study import ENDED, FAILURE, failed

STATES = {
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: "given up",
    TrialState.FAIL: "failed",
}
SHOWN_LETTERS = 36


@dataclass(frozen=True)
class Trial:
    """What became of some values.

    Args:
        name: Its folder in the sweep's.
        state: `done`, `given up` or `failed`.
        values: By key.
        words: After `lightning`.
        curve: The metric of each validation, by step.
        metrics: All metrics of the last validation.
        seconds: How long it took.
        failure: Why, of a failed one.
        tried_again: Whether the next call does it again.
    """

    name: str
    state: str
    values: Mapping[str, Any]
    words: Sequence[str]
    curve: Mapping[int, float]
    metrics: Mapping[str, float]
    seconds: float
    failure: str = ""
    tried_again: bool = False

    @property
    def metric(self) -> float | None:
        """The metric of the last validation."""
        return list(self.curve.values())[-1] if self.curve else None


def trials_of(known: Sequence[FrozenTrial], sweep: Sweep) -> list[Trial]:
    """Returns the trials that ended: done ones from the best on, then those given up and failed."""
    read = [_read(trial) for trial in known if trial.state in ENDED and "words" in trial.user_attrs]
    last = {trial.name: trial for trial in read}  # an interrupted one was taken up in its folder
    order = list(STATES.values())

    def place(trial: Trial) -> tuple[int, float]:
        value = 0.0 if trial.metric is None else sweep.best_first(trial.metric)
        return order.index(trial.state), value

    return sorted(last.values(), key=place)


def _read(trial: FrozenTrial) -> Trial:
    kept = trial.user_attrs
    return Trial(
        name=kept["folder"],
        state=STATES[trial.state],
        values=kept["values"],
        words=kept["words"],
        curve={int(step): value for step, value in kept.get("curve", {}).items()},
        metrics=kept.get("metrics", {}),
        seconds=round(trial.duration.total_seconds(), 1) if trial.duration else 0.0,
        failure=kept.get(FAILURE, ""),
        tried_again=failed(trial),
    )


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Returns the best of the trials that were done, None if none was."""
    return next((trial for trial in trials if trial.state == "done"), None)


def best_command(trial: Trial) -> str:
    """Returns the command that trains, and then tests, with a trial's values."""
    return as_typed(trial.words)


def heading(sweep: Sweep) -> str:
    """The metric, and where it is better."""
    return f"{sweep.metric} {'↓' if sweep.goal == 'minimize' else '↑'}"


def readers_sheet(trials: Sequence[Trial], sweep: Sweep) -> Sheet:
    """Returns the trials with the values that differ."""
    best, rows = best_of(trials), []
    for trial in trials:
        values = [shown(own, trial.values[own.key]) for own in sweep.searched]
        metric = "" if trial.metric is None else f"{trial.metric:.4g}"
        state = "best" if trial is best else trial.state
        rows.append((trial.name, *values, metric, str(len(trial.curve)), state))
    names = short_keys(sweep).values()
    return Sheet(("trial", *names, heading(sweep), "validations", "state"), tuple(rows))


def whole_sheet(trials: Sequence[Trial], sweep: Sweep) -> Sheet:
    """Returns all trials with all values and metrics, for a spreadsheet."""
    keys = list(sweep.parameters)
    others = sorted({key for trial in trials for key in trial.metrics} - {sweep.metric})
    about = ("validations", "seconds", "command", "failure")
    header = ("trial", "state", *keys, sweep.metric, *others, *about)
    rows = [
        (
            *(trial.name, trial.state, *(trial.values[key] for key in keys)),
            *(trial.metric, *(trial.metrics.get(key) for key in others)),
            *(len(trial.curve), trial.seconds, best_command(trial), trial.failure),
        )
        for trial in trials
    ]
    return Sheet(header, tuple(tuple(map(_text, row)) for row in rows))


def short_keys(sweep: Sweep) -> dict[str, str]:
    """Returns for each searched key as many of its last words as tell it from the others."""
    keys = [own.key.split(".") for own in sweep.searched]
    for count in range(1, max(map(len, keys)) + 1):
        short = [".".join(key[-count:]) for key in keys]
        if len(set(short)) == len(keys):
            break
    return {".".join(key): name for key, name in zip(keys, short, strict=True)}


def shown(parameter: Parameter, value: Any) -> str:
    """Returns a parameter's value, short enough for a table or an axis and unlike its others.

    Of long values of one build, such as lists of tasks, only the words that differ are left.
    """
    if not parameter.values:
        return f"{value:.4g}"
    texts = [_text(own) for own in parameter.values]
    if max(map(len, texts)) > SHOWN_LETTERS:
        words = [re.findall(r"[\w.+-]+", text) for text in texts]
        if len(set(map(len, words))) == 1 and len(texts) > 1:
            columns = [column for column in zip(*words, strict=True) if len(set(column)) > 1]
            texts = [" ".join(own) for own in zip(*columns, strict=True)]
        texts = [text if len(text) <= SHOWN_LETTERS else _cut(text) for text in texts]
    if len(set(texts)) < len(texts):
        texts = [f"values[{place}]" for place in range(len(texts))]
    return texts[parameter.values.index(value)]


def _cut(text: str) -> str:
    return text[: SHOWN_LETTERS - 1] + "…"


def _text(value: Any) -> str:
    """A value as a cell has it; nothing where there is none."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
