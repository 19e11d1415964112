"""A sweep's trials, as Optuna keeps them, in tables, and the best as a command to copy."""

import json
import re
from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from vtagml.launching import as_typed
from vtagml.report import Sheet
from vtagml.sweep.definition import Sweep
from vtagml.sweep.parameters import Parameter
from vtagml.sweep.study import ENDED, FAILURE, folder_name

STATES = {TrialState.COMPLETE: "done", TrialState.PRUNED: "given up", TrialState.FAIL: "failed"}
SHOWN_LETTERS = 36


def ranked(known: Sequence[FrozenTrial], sweep: Sweep) -> list[FrozenTrial]:
    """Returns the trials that ended: done ones from the best on, then those given up and failed."""
    ended = [trial for trial in known if trial.state in ENDED and "words" in trial.user_attrs]
    # One that was interrupted or failed may have been taken up in its folder.
    last = {folder_name(trial): trial for trial in ended}
    order = list(STATES)

    def place(trial: FrozenTrial) -> tuple[int, float]:
        value = 0.0 if trial.value is None else sweep.best_first(trial.value)
        return order.index(trial.state), value

    return sorted(last.values(), key=place)


def is_done(trial: FrozenTrial) -> bool:
    return trial.state is TrialState.COMPLETE


def best_of(trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """Returns the best of the trials that were done, None if none was."""
    return next(filter(is_done, trials), None)


def heading(sweep: Sweep) -> str:
    """The metric, and where it is better."""
    return f"{sweep.metric} {'↓' if sweep.goal == 'minimize' else '↑'}"


def readers_sheet(trials: Sequence[FrozenTrial], sweep: Sweep) -> Sheet:
    """Returns the trials with the values that differ."""
    best, rows = best_of(trials), []
    for trial in trials:
        own = trial.user_attrs["values"]
        values = [shown(parameter, own[parameter.key]) for parameter in sweep.searched]
        metric = "" if trial.value is None else f"{trial.value:.4g}"
        state = "best" if trial is best else STATES[trial.state]
        count = str(len(trial.intermediate_values))
        rows.append((folder_name(trial), *values, metric, count, state))
    names = short_keys(sweep).values()
    return Sheet(("trial", *names, heading(sweep), "validations", "state"), tuple(rows))


def whole_sheet(trials: Sequence[FrozenTrial], sweep: Sweep) -> Sheet:
    """Returns all trials with all values and metrics, for a spreadsheet."""
    keys, logged = list(sweep.parameters), [trial.user_attrs.get("metrics", {}) for trial in trials]
    others = sorted({key for metrics in logged for key in metrics} - {sweep.metric})
    about = ("validations", "seconds", "command", "failure")
    rows = []
    for trial, metrics in zip(trials, logged, strict=True):
        kept = trial.user_attrs
        row = [folder_name(trial), STATES[trial.state], *(kept["values"][key] for key in keys)]
        row += [trial.value, *(metrics.get(key) for key in others)]
        seconds = round(trial.duration.total_seconds(), 1) if trial.duration else 0.0
        row += [len(trial.intermediate_values), seconds, as_typed(kept["words"])]
        rows.append(tuple(map(_text, [*row, kept.get(FAILURE)])))
    return Sheet(("trial", "state", *keys, sweep.metric, *others, *about), tuple(rows))


def short_keys(sweep: Sweep) -> dict[str, str]:
    """Returns for each searched key as many of its last words as tell it from the others."""
    keys = [parameter.key.split(".") for parameter in sweep.searched]
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
    texts = [_text(value) for value in parameter.values]
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
