from pathlib import Path
from typing import Any

import pytest

from vtagml.run_files import check_form

FILE = Path("a.json")


@pytest.mark.parametrize(
    ("value", "form", "said"),
    [
        ([1], dict, r"`a\.json` must be a mapping, found \[1\]"),
        ({"a": {"b": "c"}}, {"a": {"b": int}}, r"`a\.b` in `a\.json` must be a whole number"),
        ({"a": [1, "2"]}, {"a": [float]}, r"`a\[1\]` in .* must be a number, found '2'"),
        ({"x": True}, {str: int}, r"`x` in .* must be a whole number, found True"),
        ({"x": 1}, {"x": bool}, "must be true or false"),
    ],
)
def test_the_first_place_of_another_form_is_named(value: Any, form: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_form(value, form, FILE)


def test_what_lacks_or_is_more_is_no_fault() -> None:
    check_form({"a": None, "more": object()}, {"a": [int], "b": {"c": str}}, FILE)
    check_form(None, dict, FILE)
    check_form({"a": 1}, {str: float}, FILE)  # a whole number is a number
