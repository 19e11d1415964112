"""What was meant: one line for a mistyped key, class or value instead of the parser's pages."""

import re
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import TypeAlias

from vtagml.constructors import arguments

Explain: TypeAlias = Callable[["re.Match[str]", str, Collection[str]], str]

PLACE = re.compile(r'Parser key "([\w.]+)"')
PACKAGES = ("vtagml", "datamodules", "lightning", "torch")
EXTRAS = {"torchjd": "weightings"}
"""Packages that a config names and that an extra of this one brings."""
LONGEST = 80  # Letters of a value that is shown.


def did_you_mean(name: str, known: Iterable[str], before: str = "") -> str:
    """Returns a question with the nearest of the known names, or nothing if none is near.

    Args:
        name: As it was typed.
        known: What would be right.
        before: Stands before the name in the question: `--` for keys.
    """
    near = nearest(name, known)
    return "" if near is None else f" Did you mean `{before}{near}`?"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Returns the name most like one; of keys, one that ends like it will do."""
    names = {key.lower(): key for key in known}
    if close := get_close_matches(name.lower(), names, 1, 0.7):
        return names[close[0]]
    ends = {key.rpartition(".")[2]: key for key in names}
    close = get_close_matches(name.lower().rpartition(".")[2], ends, 1, 0.8)
    return names[ends[close[0]]] if close else None


def explained(message: str, keys: Collection[str]) -> str | None:
    """Returns what a message of the parser means, None where it says something else.

    Args:
        message: The parser's, of several lines.
        keys: All keys of the experiment, with dots.
    """
    for pattern, explain in RULES:
        if match := pattern.search(message):
            return explain(match, message, keys)
    return None


def arguments_of(path: str) -> list[str]:
    """Returns what a class takes, nothing for one that is not there."""
    room, _, name = path.rpartition(".")
    try:
        return arguments(getattr(import_module(room), name))
    except (ImportError, AttributeError, ValueError, TypeError):
        return []


def _unknown_word(match: re.Match[str], message: str, keys: Collection[str]) -> str:
    word = match["word"].partition("=")[0]
    if not word.startswith("-"):
        file = f" Did you mean `--config {word}`?" if word.endswith((".yaml", ".yml")) else ""
        return f"`{word}` has no key before it: a key of the config is `--KEY VALUE`.{file}"
    return _unknown_key(word.lstrip("-"), keys, "--")


def _unknown_option(match: re.Match[str], message: str, keys: Collection[str]) -> str:
    return _unknown_key(match["key"], keys)


def _unknown_key(key: str, keys: Collection[str], before: str = "") -> str:
    hint = did_you_mean(key, keys, before)
    return f"`{before}{key}` is no key of an experiment.{hint or ' `--help-all` names them all.'}"


def _unknown_argument(match: re.Match[str], message: str, keys: Collection[str]) -> str:
    owner, name = match["owner"] or match["given"], match["name"].partition(".")[0]
    if owner is None:
        return f"`{_place(message, name)}` is no key of an experiment."
    known = arguments_of(owner)
    hint = did_you_mean(name, known)
    takes = f" It takes {', '.join(known)}." if known and not hint else ""
    return f"`{_place(message, name)}`: `{owner}` has no argument `{name}`.{hint}{takes}"


def _unknown_name(match: re.Match[str], message: str, keys: Collection[str]) -> str:
    room, name = match["room"], match["name"]
    module = import_module(room)
    # Classes before files, which may have the same name in small letters.
    hint = did_you_mean(name, getattr(module, "__all__", ()), f"{room}.") or did_you_mean(
        name, dir(module), f"{room}."
    )
    return f"`{_place(message)}`: there is no `{room}.{name}`.{hint}"


def _unknown_package(match: re.Match[str], message: str, keys: Collection[str]) -> str:
    if extra := EXTRAS.get(match["room"]):
        return f'`{match["room"]}` is not there: pip install "vtagml[{extra}]".'
    room, _, name = match["room"].rpartition(".")
    known = dir(import_module(room)) if room.startswith(PACKAGES) else PACKAGES
    return f"`{_place(message)}`: Python finds no `{match['room']}`.{did_you_mean(name, known)}"


def _no_path(match: re.Match[str], message: str, keys: Collection[str]) -> str:
    rooms = [room for room in sys.modules if room.partition(".")[0] in ("vtagml", "datamodules")]
    known = {name: room for room in rooms for name in getattr(sys.modules[room], "__all__", ())}
    near = nearest(match["name"], known)
    hint = f" Did you mean `{known[near]}.{near}`?" if near else ""
    return f"`{_place(message)}` must be the path of a class, found `{match['name']}`.{hint}"


def _wrong_class(match: re.Match[str], message: str, keys: Collection[str]) -> str:
    base, given = match["base"], match["given"]
    return f"`{_place(message)}` must be the path of a class of the kind {base}, found `{given}`."


def _wrong_type(match: re.Match[str], message: str, keys: Collection[str]) -> str:
    kind = match["kind"].removeprefix("<class '").removesuffix("'>")
    return f"`{_place(message)}` must be {kind}, found {match['value'][:LONGEST]}."


def _no_choice(match: re.Match[str], message: str, keys: Collection[str]) -> str:
    choices = ", ".join(re.findall(r"typing\.Literal\[([^]]*)\]", message)).replace("'", "")
    return f"`{_place(message)}` must be one of {', '.join(dict.fromkeys(choices.split(', ')))}."


def _place(message: str, *names: str) -> str:
    places = PLACE.findall(message)  # tried several times where a key takes several types
    return ".".join((*dict.fromkeys(places), *names))


RULES: Sequence[tuple[re.Pattern[str], Explain]] = (
    (re.compile(r"unrecognized arguments: (?P<word>\S+)"), _unknown_word),
    (re.compile(r"does not accept option '(?P<key>[\w.]+)'"), _unknown_option),
    (
        re.compile(
            r"(?:class_path '(?P<owner>[\w.]+)':\s*)?Option '(?P<name>[\w.]+)' is not accepted"
            r"(?:\. Got value: .*?class_path='(?P<given>[\w.]+)')?"
        ),
        _unknown_argument,
    ),
    (re.compile(r"module '(?P<room>[\w.]+)' has no attribute '(?P<name>\w+)'"), _unknown_name),
    (re.compile(r"No module named '(?P<room>[\w.]+)'"), _unknown_package),
    (
        re.compile(r"Not a valid subclass of (?P<base>\w+)\. Got value: (?P<given>\S+)"),
        _wrong_class,
    ),
    (
        re.compile(r"Expected '(?P<given>[\w.]+)' to be a subclass of <class '(?P<base>\w+)'>"),
        _wrong_class,
    ),
    (re.compile(r"Expected a dot import path string: (?P<name>[^\s.]+)"), _no_path),
    (re.compile(r"Expected a typing\.Literal"), _no_choice),
    (re.compile(r"Expected a (?P<kind>.+)\. Got value: (?P<value>.+)"), _wrong_type),
)
