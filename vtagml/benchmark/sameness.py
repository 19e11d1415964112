"""Whether a run was made as the plan says now: its command and its config, key by key."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vtagml.benchmark.cells import Cell

Key = tuple[str, ...]
"""Names down to a setting, without `init_args`, which command lines leave out here and there."""

LEVEL = "init_args"
CLASS = "class_path"
COUNT = "how many"
ROOT: Key = ("trainer", "default_root_dir")
CHECKPOINT: Key = ("ckpt_path",)
COMMANDS = ("fit", "test")


@dataclass(frozen=True)
class Given:
    """What a command line gives.

    Attributes:
        command: `fit` or `test`; None where it is neither.
        configs: Names of the YAML files.
        settings: The values of the other keys, as in YAML; of a key given twice, the last.
    """

    command: str | None
    configs: tuple[str, ...]
    settings: Mapping[Key, Any]

    @classmethod
    def of(cls, words: Sequence[str]) -> "Given":
        configs, settings = [], {}
        command = next((word for word in words if word in COMMANDS), None)
        rest = iter(words)
        for word in rest:
            if not word.startswith("--"):
                continue
            key, is_one_word, value = word[2:].partition("=")
            value = value if is_one_word else next(rest, "")
            if key == "config":
                configs.append(Path(value).name)
            else:
                settings[key] = value
        return cls(command, tuple(configs), read_words(settings))


def read_words(settings: Mapping[str, str]) -> dict[Key, Any]:
    """Reads words of a command line as the values that they stand for, by key."""
    found: dict[Key, Any] = {}
    for name, word in settings.items():
        key = tuple(part for part in name.split(".") if part != LEVEL)
        found.update(leaves(_value(word), key))
    return found


def _value(word: str) -> Any:
    try:
        return float(word)  # 1e-2, which YAML takes for a word
    except ValueError:
        pass
    try:
        return yaml.safe_load(word)
    except yaml.YAMLError:
        return word


def differences(cell: Cell, recorded: str | None, config: Mapping[str, Any] | None) -> list[str]:
    """Says in what a run differs from its cell; nothing if the plan would make the same run.

    A key that is given on one side only is no difference where the other side has that value all
    the same, by its YAML or by default. Where the run folder lies does not count, nor whether the
    run was resumed.

    Args:
        cell: As the plan has it now.
        recorded: The command that the run left, None where it left none.
        config: The resolved config that the run left, likewise.
    """
    ran = Given.of(shlex.split(recorded)) if recorded is not None else None
    found = dict(leaves(config)) if config is not None else {}
    moved = Moved.to(cell.out, ran, found)
    given = read_words(cell.settings)
    expected = expectation(cell, given)
    wrong: dict[Key, str] = {}
    if ran is not None:
        own = {key: value for key, value in ran.settings.items() if key not in _ignored(cell)}
        found = {**own, **found}
        wrong = {
            key: _told(key, value, _in(expected, key))
            for key, value in own.items()
            if not moved.same(value, _in(expected, key))
        }
    # Without a config nothing is known of what was not given.
    for key, value in (given if config is None else expected).items():
        if not moved.same(_in(found, key), value):
            wrong.setdefault(key, _told(key, _in(found, key), value))
    return [*(_of_command(cell, ran) if ran is not None else ()), *wrong.values()]


def expectation(cell: Cell, given: Mapping[Key, Any]) -> dict[Key, Any]:
    """Returns all that YAML and command of a cell set."""
    names = [tuple(part for part in name.split(".") if part != LEVEL) for name in cell.settings]
    kept = {
        key: value
        for key, value in leaves(cell.experiment)
        if not any(key[: len(name)] == name for name in names)
    }
    return {**kept, **given}


def leaves(value: Any, above: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Yields every setting of a config with its key."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from leaves(each, above if name == LEVEL else (*above, str(name)))
    elif isinstance(value, list):
        yield (*above, COUNT), len(value)
        for number, each in enumerate(value):
            yield from leaves(each, (*above, str(number)))
    else:
        yield above, value


@dataclass(frozen=True)
class Moved:
    """Compares values as if the benchmark's folder had never been moved or called otherwise.

    Attributes:
        before: The folder when the run was made, None where that is unknown.
        now: The folder.
    """

    before: str | None
    now: str

    @classmethod
    def to(cls, out: Path, ran: Given | None, config: Mapping[Key, Any]) -> "Moved":
        root = config.get(ROOT) if ran is None else ran.settings.get(ROOT)
        return cls(None if root is None else str(Path(str(root)).parent.parent), str(out))

    def same(self, found: Any, expected: Any) -> bool:
        return self._plain(found) == self._plain(expected)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, bool):
            return str(value)  # which is not 1
        if isinstance(value, int | float):
            return float(value)
        if not isinstance(value, str):
            return value
        if self.before is not None and value.startswith(f"{self.before}/"):
            return self.now + value[len(self.before) :]
        word = _value(value)  # YAML's 1e-2
        return word if isinstance(word, float) else value


def _in(settings: Mapping[Key, Any], key: Key) -> Any:
    """The value of a key; of a class its name."""
    return settings.get(key, settings.get((*key, CLASS), MISSING))


class Missing:
    """Stands for a value that is not there; equals nothing else."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()


def _of_command(cell: Cell, ran: Given) -> list[str]:
    said = []
    if ran.command != cell.row.command:
        said.append(f"command: {ran.command} in the run, {cell.row.command} in the plan")
    planned = tuple(config.name for config in cell.row.configs)
    if ran.configs != planned:
        found = ", ".join(ran.configs) or "none"
        said.append(f"config: {found} in the run, {', '.join(planned)} in the plan")
    return said


def _ignored(cell: Cell) -> tuple[Key, ...]:
    return (ROOT,) if cell.row.command == "test" else (ROOT, CHECKPOINT)


def _told(key: Key, found: Any, expected: Any) -> str:
    values = (f"{each:g}" if isinstance(each, float) else each for each in (found, expected))
    return "{}: {} in the run, {} in the plan".format(".".join(key), *values)
