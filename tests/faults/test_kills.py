"""Real training processes, killed, stopped, crowded and starved."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.fakes.bits import assert_equal, training_state
from tests.faults.killed_runs import CONFIG, LAST, METHODS, kill_runs

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

SCONTROL = """#!/bin/sh
echo "$@" >> "{record}"
"""


def start(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """Starts the real command line as a user would."""
    # The installed script: Lightning starts it again for each further rank.
    command = [sys.executable, str(Path(sys.executable).with_name("vtagml"))]
    return subprocess.Popen(
        [*command, "fit", f"--config={CONFIG}", f"--model.encoder={METHODS[1]}", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # signals below go to workers too, as those of a terminal do
    )


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    while not file.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def stop(folder: Path, number: signal.Signals, *words: str, **environment: str) -> tuple[int, str]:
    """Starts a run, sends a signal to all its processes once it has saved, says how it ended."""
    process = start(folder, *words, **environment)
    wait_for(folder / LAST, process)
    os.killpg(process.pid, number)
    _, error = process.communicate(timeout=240)
    return process.returncode, error


def finished(folder: Path, *words: str, **environment: str) -> Path:
    process = start(folder, *words, **environment)
    _, error = process.communicate(timeout=240)
    assert process.returncode == 0, error
    return folder / LAST


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(tmp_path_factory.mktemp("whole"))


@pytest.mark.timeout(900)
def test_killed_runs_end_as_if_nothing_had_happened(tmp_path: Path) -> None:
    tally = kill_runs(8, seed=int(time.time()), folder=tmp_path)
    assert tally.kills == 8
    assert tally.different == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_signal_leaves_a_checkpoint_and_a_message(number: signal.Signals, tmp_path: Path) -> None:
    status, error = stop(tmp_path, number, "--data.workers=1", "--trainer.max_steps=100000")
    assert status == 128 + number
    step = torch.load(tmp_path / LAST, weights_only=True)["global_step"]
    name = "Ctrl-C" if number == signal.SIGINT else number.name
    assert f"Stopped by {name} after step {step}." in error
    assert "go on with `--ckpt_path last`" in error
    assert "Traceback" not in error


@pytest.mark.timeout(900)
def test_signal_to_one_of_two_ranks_stops_both_at_the_same_step(tmp_path: Path) -> None:
    ranks = ["--trainer.devices=2", "--trainer.strategy=ddp", "--data.batch_size=1"]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    finished(whole, *ranks)
    process = start(stopped, *ranks)
    wait_for(stopped / LAST, process)
    process.terminate()
    _, error = process.communicate(timeout=240)
    assert process.returncode == 128 + signal.SIGTERM, error
    step = torch.load(stopped / LAST, weights_only=True)["global_step"]
    assert f"Stopped by SIGTERM after step {step}." in error
    finished(stopped, *ranks, "--ckpt_path=last")
    assert_equal(training_state(stopped / LAST), training_state(whole / LAST))


@pytest.mark.timeout(900)
def test_preempted_slurm_job_is_requeued_and_ends_as_if_nothing_had_happened(
    whole: Path, tmp_path: Path
) -> None:
    record, program = tmp_path / "requeued", tmp_path / "bin" / "scontrol"
    program.parent.mkdir()
    program.write_text(SCONTROL.format(record=record))
    program.chmod(0o755)
    job = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "SLURM_JOB_ID": "77",
        "SLURM_JOB_NAME": "train",
        "SLURM_NTASKS": "1",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
    }
    status, error = stop(tmp_path, signal.SIGUSR1, **job)
    assert status == 128 + signal.SIGUSR1, error
    assert record.read_text() == "requeue 77\n"
    # The same command again, as SLURM gives it: no `--ckpt_path`.
    again = finished(tmp_path, **job, SLURM_RESTART_COUNT="1")
    assert not (tmp_path / "runs" / "small.1").exists()
    found, expected = training_state(again), training_state(whole)
    for content in (found, expected):
        for callback in content["callbacks"].values():
            callback.pop("job", None)
    assert_equal(found, expected)


@pytest.mark.timeout(900)
def test_second_run_in_a_folder_stops_and_the_first_goes_on(whole: Path, tmp_path: Path) -> None:
    first = start(tmp_path)
    wait_for(tmp_path / "runs" / "small" / "config.yaml", first)
    first.send_signal(signal.SIGSTOP)  # or it might be over before the second has begun
    second = start(tmp_path)
    _, error = second.communicate(timeout=240)
    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=240)
    assert second.returncode == 2
    assert f"Another run is in `runs/small`: process {first.pid} on " in error
    assert first.returncode == 0
    assert_equal(training_state(tmp_path / LAST), training_state(whole))
    assert not (tmp_path / "runs" / "small.1").exists()
