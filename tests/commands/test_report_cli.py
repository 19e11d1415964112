"""`lightning report` among the other commands."""

from pathlib import Path

import pytest

from tests.report.run_folders import write_run
from vtagml.cli import main
from vtagml.commands.command import Command


def test_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["report", str(write_run(tmp_path / "run"))])
    assert Path("report/report.md").is_file()
    assert "scenes_sd" in capsys.readouterr().out


def test_an_error_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["report", "absent"])
    assert (
        capsys.readouterr().err
        == "error: `RUN` must be a run folder, there is no folder `absent`.\n"
    )


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    main(["report", "--help"])
    assert capsys.readouterr().out == Command("report").help
