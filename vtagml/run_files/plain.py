"""JSON, YAML and CSV as plain content: text, numbers, lists, mappings, not deep and not endless."""

import csv
import json
import math
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import yaml

from vtagml.run_files.bounded import MEGABYTE, MOST, clean, read_as, read_bytes, read_text
from vtagml.run_files.forms import Form, check_form

DEEPEST = 60
MOST_PARTS = 100_000
MOST_OF_YAML = MEGABYTE // 4  # Python reads it slowly.
MERGE = "tag:yaml.org,2002:merge"
LARGEST = 1e100  # No metric, loss or count; the squares of larger numbers are none.


def read_json(file: Path, form: Form = object, most: int = MOST) -> Any:
    """Reads JSON, which may hold NaN as Python's does; numbers and depth within bounds."""
    content = read_bytes(file, most)
    with read_as(file, "JSON"):
        plain = _Plain()(json.loads(content.decode("utf-8")))
    check_form(plain, form, file)
    return plain


def read_yaml(file: Path, form: Form = object) -> Any:
    """Reads YAML without tags of Python's and without merges."""
    content = read_bytes(file, MOST_OF_YAML)
    with read_as(file, "YAML"):
        plain = _Plain(MOST_PARTS)(yaml.load(content.decode("utf-8"), _Loader))
    check_form(plain, form, file)
    return plain


def read_rows(file: Path) -> Iterator[dict[str, str]]:
    """Reads CSV with a header, row by row; cells that a row lacks are empty.

    What follows the last end of a line is left out: it may be half a number, of a row that is just
    being written, or was when its run was killed.
    """
    return _rows(file, read_text(file).rpartition("\n")[0])


def _rows(file: Path, text: str) -> Iterator[dict[str, str]]:
    with read_as(file, "CSV"):
        for row in csv.DictReader(StringIO(text, newline=""), restkey="", restval=""):
            yield {name: cell for name, cell in row.items() if name}


class _Loader(yaml.SafeLoader):
    """Refuses `<<`, which can double a mapping with every line. No run writes it."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if any(key.tag == MERGE for key, _ in node.value):
            raise ValueError("it merges mappings by `<<`")


class _Plain:
    """Copies content, parts that are linked each time: of YAML thirty lines can be a billion.

    Args:
        most: Of all parts; None where there are no links.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most, self.parts = most, 0

    def __call__(self, value: Any, depth: int = 0) -> Any:
        self.parts += 1
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")
        if self.most is not None and self.parts > self.most:
            raise ValueError(f"it has more than {self.most} parts")
        if isinstance(value, dict):
            return {clean(str(key)): self(part, depth + 1) for key, part in value.items()}
        if isinstance(value, list):
            return [self(part, depth + 1) for part in value]
        if isinstance(value, int | float):
            return _number(value)
        return None if value is None else clean(str(value))


def _number(value: int | float) -> int | float:
    if abs(value) > LARGEST and not (isinstance(value, float) and math.isinf(value)):
        raise ValueError(f"it holds a number beyond {LARGEST:g}")
    return value
