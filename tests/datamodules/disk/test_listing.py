import re
from pathlib import Path

import pytest

from datamodules.disk.listing import matches, some_of, walk


def test_names_have_to_match_as_a_whole(tmp_path: Path) -> None:
    for name in ("a_1.png", "a_22.png", "a_1.png.part", "xa_1.png", "b"):
        (tmp_path / name).touch()
    found = matches(tmp_path, re.compile(r"a_(\d+)\.png"))
    assert sorted(match[1] for match in found) == ["1", "22"]


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert matches(tmp_path / "nowhere", re.compile(".*")) == []


@pytest.mark.parametrize(
    ("count", "end"), [(1, "`0`"), (10, "`8`, `9`"), (11, "`8`, `9` and 1 more")]
)
def test_some_of_many(count: int, end: str) -> None:
    assert some_of(range(count)).endswith(end)


def test_files_of_systems_are_no_matches_and_capitals_are(tmp_path: Path) -> None:
    for name in ("1.png", "2.PNG", "._3.png", "A.png"):
        (tmp_path / name).touch()
    found = matches(tmp_path, re.compile(r"(.+)\.png"))
    assert sorted(match[1] for match in found) == ["1", "2", "A"]


def test_walk_leaves_out_the_folders_of_systems(tmp_path: Path) -> None:
    for folder in ("__MACOSX", "@eaDir", ".hidden", "ours"):
        (tmp_path / folder / "deep").mkdir(parents=True)
        (tmp_path / folder / "deep" / "a.png").touch()
    (tmp_path / ".DS_Store").touch()
    found = {here: names for here, names in walk(tmp_path) if names}
    assert found == {str(tmp_path / "ours" / "deep"): ["a.png"]}
