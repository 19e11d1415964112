"""The words of a trial are those of W&B's agent, which is asked itself."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import wandb
import yaml
from wandb import wandb_agent

from tests.fakes.small import SMALL
from tests.loggers import offline_record as offline
from vtagml.cli import main
from vtagml.sweep import lightning_words, read_sweep

pytestmark = pytest.mark.usefixtures("no_pictures")  # they are looked at elsewhere
FOLDER = Path(__file__).parents[2]
SWEEPS = sorted((FOLDER / "experiments/sweeps").glob("*.yaml"))


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """W&B remembers the agent's variables beyond the test that sets them."""
    yield
    wandb.teardown()


def words_of_the_agent(
    monkeypatch: pytest.MonkeyPatch, command: list[str], values: dict[str, Any]
) -> list[str]:
    """What W&B's agent would start: its own code, with the start of the process taken out."""
    started: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str], env: Any, forward_signals: bool) -> None:
            started.append(command)

    monkeypatch.setattr(wandb_agent, "AgentProcess", Process)
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep")
    monkeypatch.setenv("WANDB_RUN_ID", "before")  # the agent sets it, which is taken back
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", "before")
    agent = wandb_agent.Agent.__new__(wandb_agent.Agent)
    agent._sweep_command = list(command)
    agent._in_jupyter, agent._function, agent._forward_signals = False, None, False
    agent._run_processes = {}
    given = {key: {"value": value} for key, value in values.items()}
    agent._command_run({"run_id": "run", "program": "lightning", "args": given})
    return started[0]


@pytest.mark.parametrize(
    ("path", "which"),
    [
        # All run with the first and the last value; one is among the fast tests.
        pytest.param(path, which, marks=pytest.mark.slow if number else ())
        for number, (which, path) in enumerate(product((0, -1), SWEEPS))
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else str(value),
)
# W&B itself leaves the file open in which its agent hands over the values.
@pytest.mark.filterwarnings("ignore:.*config-run.yaml:pytest.PytestUnraisableExceptionWarning")
def test_sweep_runs_as_the_agent_starts_it(
    path: Path, which: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").symlink_to(FOLDER / "experiments")
    sweep = read_sweep(path)
    values = {key: each.samples[which] for key, each in sweep.parameters.items()}
    command = yaml.safe_load(path.read_text())["command"]
    words = words_of_the_agent(monkeypatch, command, values)
    assert words == ["/usr/bin/env", "lightning", *lightning_words(sweep.command, values)]
    # Later words win: the size of the run is that of a test.
    main([*words[2:], *SMALL, "--test_after_fit=false"])
    (run,) = tmp_path.glob("runs/sweeps/*/*")
    assert run.parts[-2:] == ("sweep", "run")
    logs = (run / "logs/version_0/metrics.csv").read_text()
    assert sweep.metric in logs.partition("\n")[0].split(",")
    (part,) = offline.parts(run)
    assert offline.run_id(part) == "run"
    assert sweep.metric in offline.logged(part)


def test_values_reach_the_command_line_as_the_agent_writes_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    values = {"a.b": [[1, 2], [3]], "c": True, "d": 1e-5, "e": "null", "f": "[1, 2]"}
    command = ["${env}", "lightning", "fit", "--config", "x.yaml", "${args}"]
    expected = ["--a.b=[[1, 2], [3]]", "--c=True", "--d=1e-05", "--e=null", "--f=[1, 2]"]
    assert words_of_the_agent(monkeypatch, command, values)[5:] == expected
    assert lightning_words(command, values) == ["fit", "--config", "x.yaml", *expected]
