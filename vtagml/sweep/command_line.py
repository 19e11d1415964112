"""The words that W&B's agent makes of a sweep's command and a trial's values."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

OURS = ("lightning", "vtagml")
EXAMPLE = '["${env}", "lightning", "fit", "--config", "experiments/NAME.yaml", "${args}"]'


def check_command(given: Any) -> tuple[str, ...]:
    """Returns a sweep's command, or says why a local sweep cannot run it."""
    words = [str(word) for word in given] if isinstance(given, list) else []
    start = next((place for place, word in enumerate(words) if word in OURS), None)
    if start is None or words[start + 1 : start + 2] != ["fit"] or "${args}" not in words:
        raise ValueError(f"`command` must be like {EXAMPLE}, found {given!r}.")
    return tuple(words)


def lightning_words(command: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """Returns what W&B's agent runs for some values, after the word `lightning`.

    Macros are replaced by W&B's own functions.

    Args:
        command: A sweep's.
        values: By key; a list is written as Python does, which YAML reads as a list.
    """
    given = {"args": {key: {"value": value} for key, value in values.items()}}
    macros: dict[str, Any] = {"env": ["/usr/bin/env"], **create_sweep_command_args(given)}
    words: list[str] = []
    for word in create_sweep_command(list(command)):
        macro = re.fullmatch(r"\$\{(.*)\}", word)
        words += macros.get(macro[1], []) if macro else [word]
    start = next(place for place, word in enumerate(words) if word in OURS)
    return words[start + 1 :]
