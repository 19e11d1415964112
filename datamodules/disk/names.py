"""Names of samples as lines of a text."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from datamodules.disk.spelling import composed, read_text

COMMENT = re.compile(r"(^|\s+)#.*")
QUOTED = re.compile(r'("(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-f]{4})*")\s*(?:#.*)?')
"""A JSON string, and perhaps a comment."""


def read_names(file: Path) -> list[str]:
    """Read a list of sample names, one per line; blank lines are ignored.

    A comment begins with `#` at the start of a line or after a space, so names may hold the
    character. A name that a line cannot hold so is quoted as in JSON: `"a # b"`.
    """
    try:
        return [composed(name) for name in names_in(read_text(file))]
    except FileNotFoundError:
        raise FileNotFoundError(
            f"The list of samples `{file}` does not exist. `skip` should be a text file with one"
            " name per line, such as `lightning check --write-skip-list` makes, or null."
        ) from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"The list of samples `{file}` should be a text with one name per line, found bytes"
            f" that are none ({error}). Save it as UTF-8."
        ) from None


def read_splits(file: Path) -> dict[str, list[str]]:
    """Read the splits that are stored with a dataset: lines of a name and its split."""
    splits: dict[str, list[str]] = {}
    for line in read_names(file):
        name, split = line.split()
        splits.setdefault(split, []).append(name)
    return splits


def names_in(text: str) -> Iterator[str]:
    """Yield the names in the lines of a text, without comments."""
    for line in map(str.strip, text.splitlines()):
        if quoted := QUOTED.fullmatch(line):
            yield json.loads(quoted[1])
        elif name := COMMENT.sub("", line):
            yield name


def name_line(name: str) -> str:
    """The line that `names_in` takes this name from: the name itself, or quoted as in JSON."""
    return name if name.isprintable() and list(names_in(name)) == [name] else json.dumps(name)
