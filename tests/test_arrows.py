"""Rooms import one way: no two of them need each other, and the data need no room at all."""

import ast
from collections.abc import Iterator
from pathlib import Path

HOUSE = Path(__file__).parents[1]


def imported(file: Path) -> Iterator[str]:
    """Names of all modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            module = str(node.module)
            whole = [f"{module}.{alias.name}" for alias in node.names]
            yield from whole if module == "vtagml" else [module]


def room(path: str) -> str:
    """The folder or the file of `vtagml` that a dotted path leads into."""
    return path.split(".")[1] if path.count(".") else "vtagml"


def rooms() -> dict[str, set[str]]:
    """What each room imports of the others."""
    needs: dict[str, set[str]] = {}
    for file in (HOUSE / "vtagml").rglob("*.py"):
        own = room(".".join(file.relative_to(HOUSE).with_suffix("").parts))
        found = {room(name) for name in imported(file) if name.split(".")[0] == "vtagml"}
        needs.setdefault(own, set()).update(found - {own})
    return needs


def test_no_two_rooms_need_each_other() -> None:
    needs = rooms()
    assert {"commands", "callbacks", "tasks"} <= needs.keys()
    needs["vtagml"] = needs.pop("__init__")  # its door
    while lowest := {own for own, others in needs.items() if not others & needs.keys() - {own}}:
        needs = {own: others for own, others in needs.items() if own not in lowest}
    assert not needs, f"in a circle, or above one: {sorted(needs)}"


def test_data_needs_no_room() -> None:
    found = {name for file in (HOUSE / "datamodules").rglob("*.py") for name in imported(file)}
    assert "torch" in found
    assert not [name for name in found if name.split(".")[0] == "vtagml"]
