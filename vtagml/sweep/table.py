"""A sweep's trials as a table, and the best as a command to copy."""

import csv
import io
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from rich.box import SIMPLE_HEAD
from rich.table import Table

from vtagml.sweep.again import ENDED, FAILURE, failed
from vtagml.sweep.definition import Sweep
from vtagml.sweep.parameters import Parameter

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
        seconds: How long it took, None of a failed one.
        failure: Why, of a failed one.
        tried_again: Whether the next call does it again.
    """

    name: str
    state: str
    values: Mapping[str, Any]
    words: Sequence[str]
    curve: Mapping[int, float]
    metrics: Mapping[str, float]
    seconds: float | None = None
    failure: str = ""
    tried_again: bool = False

    @property
    def metric(self) -> float | None:
        """The metric of the last validation."""
        return list(self.curve.values())[-1] if self.curve else None


def trials_of(found: Sequence[FrozenTrial], sweep: Sweep) -> list[Trial]:
    """Returns the trials that ended: done ones from the best on, then those given up and failed."""
    read = [_read(trial) for trial in found if trial.state in ENDED and "words" in trial.user_attrs]
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
        seconds=kept.get("seconds"),
        failure=kept.get(FAILURE, ""),
        tried_again=failed(trial),
    )


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Returns the best of the trials that were done, None if none was."""
    return next((trial for trial in trials if trial.state == "done"), None)


def best_command(trial: Trial) -> str:
    """Returns the command that trains, and then tests, with a trial's values."""
    return shlex.join(["lightning", *trial.words])


def terminal_table(trials: Sequence[Trial], sweep: Sweep) -> Table:
    """Returns the trials with the values that differ."""
    arrow = "↓" if sweep.goal == "minimize" else "↑"
    table = Table(title="Trials", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("trial", no_wrap=True)
    for name in short_keys(sweep).values():
        table.add_column(name, justify="right")
    table.add_column(f"{sweep.metric} {arrow}", justify="right", no_wrap=True)
    table.add_column("validations", justify="right")
    table.add_column("", no_wrap=True)
    for place, trial in enumerate(trials):
        metric = "" if trial.metric is None else f"{trial.metric:.4g}"
        values = [shown(each, trial.values[each.key]) for each in sweep.searched]
        best = place == 0 and trial.state == "done"
        said = "best" if best else "" if trial.state == "done" else trial.state
        style = "bold" if best else "" if trial.state == "done" else "dim"
        table.add_row(trial.name, *values, metric, str(len(trial.curve)), said, style=style)
    return table


def trials_csv(trials: Sequence[Trial], sweep: Sweep) -> bytes:
    """Returns all trials with all values and metrics, as a spreadsheet reads them."""
    text = io.StringIO()
    keys = list(sweep.parameters)
    others = sorted({key for trial in trials for key in trial.metrics} - {sweep.metric})
    result = [sweep.metric, *others, "validations", "seconds", "command", "failure"]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", *keys, *result])
    for trial in trials:
        values = [_cell(trial.values[key]) for key in keys]
        metrics = [trial.metric, *(trial.metrics.get(key) for key in others)]
        about = [len(trial.curve), trial.seconds, best_command(trial), trial.failure]
        writer.writerow([trial.name, trial.state, *values, *metrics, *about])
    return text.getvalue().encode()


def short_keys(sweep: Sweep) -> dict[str, str]:
    """Returns for each searched key as many of its last words as tell it from the others."""
    keys = [each.key.split(".") for each in sweep.searched]
    for count in range(1, max(map(len, keys)) + 1):
        short = [".".join(key[-count:]) for key in keys]
        if len(set(short)) == len(keys):
            break
    return {".".join(key): name for key, name in zip(keys, short, strict=True)}


def shown(parameter: Parameter, value: Any) -> str:
    """Returns a parameter's value, short enough for a table or an axis and unlike its others.

    Of long values of one build, such as lists of tasks, only the words that differ are left.
    """
    if not parameter.listed:
        return f"{value:.4g}"
    texts = [_cell(each) for each in parameter.values]
    if max(map(len, texts)) > SHOWN_LETTERS:
        words = [re.findall(r"[\w.+-]+", text) for text in texts]
        if len(set(map(len, words))) == 1 and len(texts) > 1:
            columns = [each for each in zip(*words, strict=True) if len(set(each)) > 1]
            texts = [" ".join(each) for each in zip(*columns, strict=True)]
        texts = [text if len(text) <= SHOWN_LETTERS else _cut(text) for text in texts]
    if len(set(texts)) < len(texts):
        texts = [f"values[{place}]" for place in range(len(texts))]
    return texts[parameter.values.index(value)]


def _cut(text: str) -> str:
    return text[: SHOWN_LETTERS - 1] + "…"


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
