"""Rooms that are imported when they are first asked for, as if they had been from the start."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import vtagml
from vtagml.door import Door

ROOMS = [
    name.removeprefix("vtagml.")
    for name in sorted(
        ".".join(file.parent.relative_to(Path(vtagml.__file__).parents[1]).parts)
        for file in Path(vtagml.__file__).parent.rglob("__init__.py")
        if "open_when_asked" in file.read_text(encoding="utf-8")
    )
]


def run(program: str) -> str:
    """What a program prints in a process of its own, where nothing is imported yet."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_nothing_large() -> None:
    modules = run("import sys, vtagml, vtagml.report, vtagml.drawing; print(*sys.modules)").split()
    assert "vtagml.report" in modules
    assert not {"torch", "lightning", "timm", "matplotlib"}.intersection(modules)


def test_a_report_of_tables_needs_no_torch() -> None:
    assert "torch" not in run("import sys, vtagml.report.document; print(*sys.modules)").split()


def test_every_name_on_a_door_is_behind_it() -> None:
    assert {"vtagml", "report", "drawing", "checkpoints"} <= set(ROOMS)
    rooms = [room if room == "vtagml" else f"vtagml.{room}" for room in ROOMS]
    program = (
        "from importlib import import_module\n"
        f"for room in map(import_module, {rooms}):\n"
        "    assert set(room.__all__) <= set(dir(room)), room\n"
        "    for name in room.__all__:\n"
        "        print(room.__name__, name, type(getattr(room, name)).__name__)"
    )
    lines = run(program).splitlines()
    assert len(lines) > 100
    assert not [line for line in lines if line.endswith(" module")]


def test_type_checkers_find_every_name_public() -> None:
    folder = Path(vtagml.__file__).parent
    for room in ROOMS:
        door = folder / ("" if room == "vtagml" else room.replace(".", "/")) / "__init__.py"
        for node in ast.walk(ast.parse(door.read_text(encoding="utf-8"))):
            if isinstance(node, ast.If):
                names = [name for each in node.body for name in getattr(each, "names", ())]
                assert names, door
                assert all(name.asname == name.name for name in names), door


def test_rooms_need_no_import_and_a_function_hides_the_file_of_its_name() -> None:
    files = ["checkpoints.checkpoint_path", "drawing.affinity_history"]
    program = "import vtagml; print(vtagml.tasks.Depth.__name__)\n" + "\n".join(
        f"import vtagml.{file}; print(callable(vtagml.{file}))" for file in files
    )
    assert run(program).split() == ["Depth", "True", "True"]


def test_what_is_not_there_is_an_attribute_error() -> None:
    assert isinstance(vtagml, Door)
    with pytest.raises(AttributeError, match="module 'vtagml' has no attribute 'nothing'"):
        vtagml.nothing  # noqa: B018
    with pytest.raises(ImportError):
        from vtagml import nothing  # noqa: F401
