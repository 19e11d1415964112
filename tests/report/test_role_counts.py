import json
from pathlib import Path
from typing import Any

import pytest

from tests.report.run_folders import a_run
from vtagml.report import Method, compare, comparison_files
from vtagml.report.role_counts import parameter_sheets, read_roles

ROLES: dict[str, dict[str, Any]] = {
    "backbone frozen": {"trained": 0, "stored": 27_517_818, "deployed": 27_517_818, "parts": {}},
    "tuning shared": {"trained": 132_480, "stored": 132_480, "deployed": 0, "parts": {}},
    "tuning per task": {"trained": 0, "stored": 0, "deployed": 0, "parts": {}},
}


def method(folder: Path, name: str, content: object) -> Method:
    run = a_run(folder / name)
    if content is not None:
        (run.folder / "parameters.json").write_text(json.dumps(content), encoding="utf-8")
    return Method(name, (run,))


def test_a_line_per_role_that_has_numbers(tmp_path: Path) -> None:
    sheets = parameter_sheets([method(tmp_path, "lora", {"roles": ROLES})])
    assert sheets is not None
    people, programs = sheets
    assert people.header == programs.header == ("method", "role", "trained", "stored", "deployed")
    assert people.rows == (
        ("lora", "backbone frozen", "0", "27,517,818", "27,517,818"),
        ("lora", "tuning shared", "132,480", "132,480", "0"),
        ("lora", "total", "132,480", "27,650,298", "27,517,818"),
    )
    assert programs.rows[-1] == ("lora", "total", "132480", "27650298", "27517818")


def test_what_is_not_known_is_left_empty(tmp_path: Path) -> None:
    roles = {"head": {"trained": 1, "stored": 1, "deployed": None}}
    sheets = parameter_sheets([method(tmp_path, "a", {"roles": roles})])
    assert sheets is not None
    assert [row[-1] for row in sheets[0].rows] == ["–", "–"]
    assert [row[-1] for row in sheets[1].rows] == ["", ""]


@pytest.mark.parametrize("content", [None, {}, {"roles": None}, {"roles": {"head": None}}])
def test_older_runs_have_none(tmp_path: Path, content: object) -> None:
    own = method(tmp_path, "a", content)
    assert not any(any(each.values()) for each in read_roles(own.runs[0].folder).values())
    assert content == {"roles": {"head": None}} or parameter_sheets([own]) is None


@pytest.mark.parametrize(
    "roles", [[], {"head": {"trained": "many"}}, {"head": {"stored": 10**400}}]
)
def test_a_damaged_file_costs_its_lines_only(tmp_path: Path, roles: object) -> None:
    damaged = method(tmp_path, "damaged", {"roles": roles})
    sheets = parameter_sheets([damaged, method(tmp_path, "lora", {"roles": ROLES})])
    assert sheets is not None
    assert {row[0] for row in sheets[0].rows} == {"lora"}


def test_files_of_a_report(tmp_path: Path) -> None:
    own = method(tmp_path, "lora", {"roles": ROLES})
    files = comparison_files(compare([own]), [], [], ("markdown", "csv", "latex"))
    assert "| lora | tuning shared | 132,480 |" in files["report.md"].decode()
    assert "lora,tuning shared,132480,132480,0" in files["parameters.csv"].decode()
    assert b"tuning shared" in files["parameters.tex"]
    bare = comparison_files(compare([Method("b", (a_run(tmp_path / "b"),))]), [], [], ("csv",))
    assert "parameters.csv" not in bare
