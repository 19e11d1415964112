import os

import pytest

from datamodules.disk.standard_error import complaints


def fail(message: bytes) -> None:
    os.write(2, message)
    raise ValueError("broken")


def test_marked_lines_are_collected_and_others_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with complaints(("Corrupt", "Premature")) as lines:
        os.write(2, b"Corrupt JPEG data: 7 bytes\nanother library\na log\nPremature end\n")
        assert lines == []
    assert lines == ["Corrupt JPEG data: 7 bytes", "Premature end"]
    assert capfd.readouterr().err == "another library\na log\n"
    os.write(2, b"Corrupt afterwards\n")
    assert capfd.readouterr().err == "Corrupt afterwards\n"


def test_an_error_passes_and_the_standard_error_is_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), complaints(("Corrupt",)):
        fail(b"Corrupt\nother\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "other\nafter\n"


def test_without_a_standard_error_nothing_is_collected() -> None:
    kept = os.dup(2)
    os.close(2)
    try:
        with complaints(("Corrupt",)) as lines:
            ran = True
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    assert ran
    assert lines == []
