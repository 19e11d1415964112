"""No output fails a command, whatever it is written to."""

import locale
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from tests.faults.test_faults import FIT, LAST, _in_a_folder_of_its_own, step_of
from vtagml.cli import main
from vtagml.commands.output import lasting_output
from vtagml.launching import launcher

__all__ = ["_in_a_folder_of_its_own"]  # a fixture: pytest finds it here

pytestmark = pytest.mark.usefixtures("no_pictures")  # they are looked at elsewhere
TESTED = [*FIT, "--test_after_fit=true"]
METRICS = Path("runs/small/metrics.json")
ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}  # the config names our fakes


@pytest.fixture
def closed_pipe() -> Iterator[TextIO]:
    """The end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        yield stream


def test_command_ends_well_below_an_old_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("said.txt").open("w", encoding="ascii") as said:
        monkeypatch.setattr(sys, "stdout", said)
        main(["test", *FIT[1:], "--ckpt_path=none"])
    assert METRICS.is_file()
    assert "RMSE m ?" in Path("said.txt").read_text(encoding="ascii")


def test_run_ends_well_below_a_closed_pipe(
    closed_pipe: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, closed_pipe)
    main(TESTED)
    assert METRICS.is_file()
    assert step_of(LAST) == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_full_disk_below_a_log_drops_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with lasting_output():
            print("one")
            print("two", flush=True)
        assert sys.stdout is full


def test_help_ends_well_below_a_closed_pipe(
    closed_pipe: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", closed_pipe)
    main(["--help"])


def test_command_without_any_output_to_write_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    main(["--help"])
    assert sys.stdout is None


def test_what_is_written_comes_at_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "said.txt").open("w", encoding="utf-8") as said:
        said.write("before\n")
        monkeypatch.setattr(sys, "stdout", said)
        with lasting_output():
            print("line ↑")
            assert (tmp_path / "said.txt").read_text(encoding="utf-8") == "before\nline ↑\n"
        said.write("after\n")
    text = (tmp_path / "said.txt").read_text(encoding="utf-8")
    assert text == "before\nline ↑\nafter\n"


def test_libraries_read_text_as_utf_8(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("größe", encoding="utf-8")
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C")
        with lasting_output():
            assert (tmp_path / "config.yaml").read_text() == "größe"
        assert locale.setlocale(locale.LC_CTYPE) == "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


@pytest.mark.slow
def test_real_run_in_an_old_locale_with_a_config_in_utf_8() -> None:
    text = Path(FIT[1].partition("=")[2]).read_text(encoding="utf-8")
    Path("old.yaml").write_text(f"# Größe\n{text}", encoding="utf-8")
    old = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    command = [*launcher(), "fit", "--config=old.yaml", *TESTED[2:]]
    with Path("said.txt").open("wb") as said:
        ended = subprocess.run(
            command, env={**ENV, **old}, stdout=said, stderr=subprocess.PIPE, check=False
        )
    assert ended.returncode == 0, ended.stderr
    assert b"RMSE m ?" in Path("said.txt").read_bytes()
    assert Path("runs/old/metrics.json").is_file()


@pytest.mark.slow
def test_real_run_whose_reader_goes_away() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([*launcher(), *TESTED], stdout=pipe, stderr=pipe, env=ENV) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        said = run.stderr.read()
        assert run.wait() == 0
    assert b"Traceback" not in said
    assert b"Broken pipe" not in said
    assert METRICS.is_file()
