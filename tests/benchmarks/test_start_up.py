"""How long a command takes to say something, in a process of its own as at a shell.

Aims on a quiet machine: 1.5 s for help, 3 s for a report of one run.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.report.run_folders import write_run

HELP = [["--help"], ["fit", "--help"], ["report", "--help"], ["scenes", "--help"]]


def run(words: list[str], folder: Path) -> None:
    program = "from vtagml.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program, *words], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", HELP, ids=" ".join)
def test_help(words: list[str], benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    benchmark.pedantic(run, (words, tmp_path), rounds=5)


@pytest.mark.parametrize("option", [[], ["--html"]], ids=["tables", "page"])
def test_report(option: list[str], benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    benchmark.pedantic(run, (["report", "run", *option], tmp_path), rounds=5)
