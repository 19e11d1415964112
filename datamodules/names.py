"""Names of samples as lines of a text."""

import json
import re
from collections.abc import Iterator

COMMENT = re.compile(r"(^|\s+)#.*")
QUOTED = re.compile(r'("(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-f]{4})*")\s*(?:#.*)?')
"""A JSON string, and perhaps a comment."""


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
