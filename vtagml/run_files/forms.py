"""The form that content must have, written down as content: checked once, never guessed."""

from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, TypeAlias

from vtagml.run_files.bounded import cut

Form: TypeAlias = Any
"""A type; `[form]`, a list of such; `{str: form}`, a mapping to such; or `{"name": form, …}`, of
which keys may lack and others may be there. Where nothing is known there may be None."""

WORDS: Mapping[Any, str] = {
    bool: "true or false",
    dict: "a mapping",
    float: "a number",
    int: "a whole number",
    list: "a list",
    str: "text",
}


def check_form(value: Any, form: Form, file: Path, place: str = "") -> None:
    """Raises a ValueError that names the first place at which content has another form.

    Args:
        value: The content, or a part of it.
        form: Of the value.
        file: Where it comes from.
        place: Of the part, dotted.
    """
    if value is None:
        return
    kind = type(form) if isinstance(form, list | dict) else form
    if not _is_a(value, kind):
        where = f"`{place}` in `{file}`" if place else f"`{file}`"
        words = WORDS.get(kind, kind)
        raise ValueError(f"{where} must be {words}, found {cut(repr(value))}.")
    if isinstance(form, list):
        for index, item in enumerate(value):
            check_form(item, form[0], file, f"{place}[{index}]")
    elif isinstance(form, dict):
        for key, own in form.items():
            for name in value if key is str else [key]:
                check_form(value.get(name), own, file, f"{place}.{cut(name)}".lstrip("."))


def _is_a(value: Any, kind: type | UnionType) -> bool:
    if isinstance(value, bool) and kind in (int, float):  # a number to Python, but to nobody else
        return False
    return isinstance(value, int | float if kind is float else kind)
