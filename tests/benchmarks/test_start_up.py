"""How long a command takes to say something, in a process of its own as at a shell.

Aims on a quiet machine: 1.5 s for help, 3 s for a report of one run.
"""

import subprocess
import sys
from functools import partial
from pathlib import Path

from tests.benchmarks.bench import CLEARLY, Bench
from tests.report.run_folders import write_run

ROUNDS = 5
COMMANDS = (
    "--help",
    "fit --help",
    "report --help",
    "scenes --help",
    "report run",
    "report run --html",
)


def run(program: str, words: list[str], folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", program, *words], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_commands(bench: Bench, tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    ours = "from vtagml.cli import main; main()"
    commands = {words: partial(run, ours, words.split(), tmp_path) for words in COMMANDS}
    ratios = bench.time(
        "start of a command / torch's import",
        {"import torch": partial(run, "import torch", [], tmp_path), **commands},
        ROUNDS,
    )
    helps = [ratio for words, ratio in ratios.items() if words.endswith("--help")]
    assert max(helps) < 1 / CLEARLY, "help imports what it does not need"
