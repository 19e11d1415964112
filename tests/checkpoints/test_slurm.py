"""Which job this is, and how it is queued again."""

from pathlib import Path

import pytest

from vtagml.checkpoints import slurm


def test_job_of_an_array_has_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    assert slurm.job() is None
    monkeypatch.setenv("SLURM_JOB_ID", "78")
    assert slurm.job() == "78"
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "77")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    assert slurm.job() == "77_3"


def test_failed_requeue_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "78")
    monkeypatch.setenv("PATH", str(tmp_path))
    slurm.requeue()
    assert "SLURM job 78 could not be queued again: " in capsys.readouterr().err
    program = tmp_path / "scontrol"
    program.write_text("#!/bin/sh\necho no rights >&2; exit 1\n")
    program.chmod(0o755)
    slurm.requeue()
    assert "could not be queued again: no rights" in capsys.readouterr().err
