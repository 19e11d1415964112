"""The page about one training step names files that exist and what stands in them."""

import re
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/one_step.md").read_text(encoding="utf-8")
OPENING, *SECTIONS = re.sub(r"^```.*?^```$", "", PAGE, flags=re.DOTALL | re.MULTILINE).split(
    "\n## "
)


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def module(path: str) -> ModuleType:
    return import_module(path.removesuffix(".py").replace("/", "."))


def stands_in(name: str, home: ModuleType) -> bool:
    """Whether a file defines the name, not only imports it; attributes may be inherited."""
    first, _, attribute = name.partition(".")
    found = vars(home).get(first)
    if found is None or getattr(found, "__module__", home.__name__) != home.__name__:
        return False
    try:
        return not attribute or attrgetter(attribute)(found) is not None
    except AttributeError:
        return False


def unresolved(section: str) -> list[str]:
    """What a section names that neither is a file nor stands in one of the files it names."""
    words = quoted(section)
    paths = [word for word in words if "/" in word]
    homes = [module(path) for path in paths if path.endswith(".py") and (ROOT / path).is_file()]
    return [
        word
        for word in words
        if not (
            (ROOT / word).is_file()
            if word in paths
            else any(stands_in(word, home) for home in homes)
        )
    ]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda text: text.partition("\n")[0])
def test_every_name_is_where_the_page_says(section: str) -> None:
    assert len(quoted(section)) > 1
    assert unresolved(section) == []


def test_the_opening_names_files() -> None:
    names = [word for word in quoted(OPENING) if "/" in word]
    assert names
    assert all((ROOT / name).is_file() for name in names)


@pytest.mark.parametrize(
    "wrong",
    ["vtagml/modules.py", "MultitaskModule.train_step", "Gram", "no_such_function"],
    ids=["file", "method", "imported only", "function"],
)
def test_a_wrong_name_is_found(wrong: str) -> None:
    section = "`vtagml/module.py` has `MultitaskModule.training_step` and"
    assert unresolved(f"{section} `{wrong}`.") == [wrong]
    assert unresolved(section) == []


def test_the_page_is_short() -> None:
    assert len(PAGE.splitlines()) <= 150
