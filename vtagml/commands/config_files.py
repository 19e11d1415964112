"""The files of `--config`, looked at before the parser, which says of them what nobody can use."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from vtagml.commands.mistakes import did_you_mean

NEEDED = ("model", "data")
NULL = "tag:yaml.org,2002:null"
OWN_IMAGES = " On images of your own: `lightning predict --ckpt_path RUN --images FOLDER`."


def check_config(command: str, words: Sequence[str]) -> Mapping[str, Any]:
    """Checks that the words name an experiment, in files that are whole.

    Returns:
        What stands at the top of the files, the last one over those before it. Streams and
        variables of the environment are left to the parser, for a stream can be read only once.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The words name no experiment, or a file is none.
    """
    files = list(_files(words))
    keys: dict[str, Any] = {}
    for file in files:
        keys |= {} if _is_stream(file) else _read(file)
    unseen = any(map(_is_stream, files)) or "JSONARGPARSE_DEFAULT_ENV" in os.environ
    asks = any(word in ("--help", "-h") or ".help" in word or "{" in word for word in words)
    given = {word.removeprefix("--").partition("=")[0].partition(".")[0] for word in words}
    missing = [key for key in NEEDED if key not in keys and key not in given]
    if missing and not asks and not unseen:
        what = f"no `{'` and no `'.join(missing)}` in {', '.join(map(str, files))}"
        lost = next((word for word in words if word.endswith((".yaml", ".yml"))), None)
        hint = f" Did you mean `--config {lost}`?" if lost and not files else ""
        raise ValueError(
            f"`--config` must name an experiment, found {what if files else 'none'}: give "
            f"`--config experiments/NAME.yaml`.{OWN_IMAGES if command == 'predict' else hint}"
        )
    return keys


def _files(words: Sequence[str]) -> Iterator[Path]:
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in ("--config", "-c"):
            value = value if equals else "".join(words[place + 1 : place + 2])
            if not value or value.startswith("--"):
                raise ValueError("`--config` must be followed by a file, found none.")
            if "{" not in value and "\n" not in value:  # the parser takes a text, too
                yield Path(value)


def _is_stream(file: Path) -> bool:
    """Whether it is the standard input or what a shell makes of `<(command)`."""
    return str(file) == "-" or file.is_fifo()


def _read(file: Path) -> Mapping[str, Any]:
    if file.is_dir():
        names = ", ".join(sorted(other.name for other in file.glob("*.yaml"))[:5])
        has = f" such as {names}" if names else ""
        raise ValueError(f"`--config` must be a file, found the folder `{file}`: name one{has}.")
    if not file.is_file():
        near = did_you_mean(file.name, [other.name for other in file.parent.glob("*.yaml")])
        raise FileNotFoundError(f"`--config` must be a file, there is no `{file}`.{near}")
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise ValueError(f"`{file}` is no YAML{_where(file, error)}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"`{file}` is no YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(root, yaml.MappingNode) or not root.value:
        kinds = {yaml.SequenceNode: "a list", yaml.ScalarNode: "one value"}
        found = kinds.get(type(root), "nothing")
        raise ValueError(f"`{file}` must hold keys, such as `model:`, found {found}.")
    _check_once(file, root, set())
    top = {key.value: value for key, value in root.value if isinstance(key, yaml.ScalarNode)}
    for key in NEEDED:  # one value is a class without arguments, or a file of its own
        if getattr(top.get(key), "tag", None) == NULL:
            raise ValueError(
                f"`{key}` in `{file}` must be `class_path` and `init_args`, found nothing: indent "
                "what belongs to it, or leave the key out."
            )
    return top


def _where(file: Path, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark
    if mark is None:
        return f": {error.problem}"
    lines = file.read_text(encoding="utf-8").splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    tab = " (there is a tab; only spaces indent)" if "\t" in line else ""
    return f", line {mark.line + 1}: {error.problem}{tab}"


def _check_once(file: Path, node: yaml.Node, seen: set[int], path: str = "") -> None:
    """Refuses a key that stands twice: YAML would drop the first without a word."""
    if id(node) in seen:  # by an alias, which may even stand within what it names
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_once(file, item, seen, path)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, line = f"{path}{key.value}", key.start_mark.line + 1
        if name in lines:
            raise ValueError(
                f"`{file}` has `{name}` twice, in lines {lines[name]} and {line}: put both "
                "together, only the last would count."
            )
        lines[name] = line
        _check_once(file, value, seen, f"{name}.")


def class_of(top: Mapping[str, Any], key: str) -> str | None:
    """Returns the class path of a key at the top, None if it has none."""
    node = top.get(key)
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value.value for name, value in pairs if name.value == "class_path"), None)
