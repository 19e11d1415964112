"""Text files are UTF-8 whatever the machine's language is: each call says so."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("vtagml/**/*.py"), *ROOT.glob("datamodules/**/*.py")])


def calls_without_encoding(code: str) -> Iterator[int]:
    """The lines that open a file as text in whatever encoding the machine has."""
    for call in ast.walk(ast.parse(code)):
        if not isinstance(call, ast.Call):
            continue
        function = call.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        owner = getattr(getattr(function, "value", None), "id", "")
        words = {keyword.arg for keyword in call.keywords}
        modes = [each.value for each in call.args if isinstance(each, ast.Constant)]
        binary = any("b" in str(mode) for mode in modes)
        text = (isinstance(function, ast.Attribute) and name in ("read_text", "write_text")) or (
            name in ("open", "TextIOWrapper", "NamedTemporaryFile")
            and owner not in ("os", "Image", "zipfile")
            and not binary
        )
        if (
            text
            and "encoding" not in words
            and not (name == "TextIOWrapper" and len(call.args) > 1)
        ):
            yield call.lineno


def test_every_text_file_names_its_encoding() -> None:
    found = {
        str(file.relative_to(ROOT)): list(calls_without_encoding(file.read_text(encoding="utf-8")))
        for file in SOURCES
    }
    assert found
    assert not {file: lines for file, lines in found.items() if lines}


def test_such_calls_are_found() -> None:
    code = "open(a)\na.open()\na.open('w')\na.read_text()\na.write_text(b)\n"
    assert list(calls_without_encoding(code)) == [1, 2, 3, 4, 5]
    code = "open(a, 'rb')\na.open('ab')\na.read_text(encoding='utf-8')\nos.open(a, b)\n"
    assert not list(calls_without_encoding(code))
