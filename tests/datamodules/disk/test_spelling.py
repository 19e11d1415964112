import unicodedata
from pathlib import Path

import pytest

from datamodules.disk.spelling import composed, read_bytes, read_text, spelled

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "é/à/ü.png") for form in ("NFC", "NFD"))


def write(file: Path) -> Path:
    file.parent.mkdir(parents=True)
    file.write_bytes(b"here")
    return file


@pytest.mark.parametrize("here", [COMPOSED, DECOMPOSED, DECOMPOSED[:3] + COMPOSED[2:]])
@pytest.mark.parametrize("asked", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("suffix", [".png", ".PNG", ".Png"])
def test_every_spelling_finds_the_file(tmp_path: Path, here: str, asked: str, suffix: str) -> None:
    file = write((tmp_path / here).with_suffix(suffix))
    assert spelled(tmp_path / asked) == file
    assert read_bytes(tmp_path / asked) == b"here"


def test_a_file_of_exactly_that_name_comes_first(tmp_path: Path) -> None:
    for spelling in (COMPOSED, DECOMPOSED):
        write(tmp_path / spelling)
        assert spelled(tmp_path / spelling) == tmp_path / spelling


def test_what_is_nowhere_keeps_its_name(tmp_path: Path) -> None:
    absent = tmp_path / "a" / "b.png"
    assert spelled(absent) == absent
    assert spelled(Path("nowhere.png")) == Path("nowhere.png")
    with pytest.raises(FileNotFoundError, match=r"a/b\.png"):
        read_bytes(absent)


def test_names_are_compared_composed() -> None:
    assert composed(DECOMPOSED) == composed(COMPOSED) == COMPOSED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_texts_of_any_editor(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "list.TXT").write_bytes("é\r\n".encode(encoding))
    assert read_text(tmp_path / "list.txt").splitlines() == ["é"]
