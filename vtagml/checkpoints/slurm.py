"""What a run has to know about SLURM: which job it is, and how to be started again."""

import os
import signal
import subprocess
import sys

REQUEUE_SIGNAL = getattr(signal, "SIGUSR1", signal.SIGTERM)  # which Windows lacks
"""Asks for a checkpoint and another turn, as `#SBATCH --signal=USR1@120` before the time limit."""


def job() -> str | None:
    """Returns the number of the job, with that of the task in an array; None outside SLURM."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")


def requeued_job() -> str | None:
    """Returns the number of the job if this is not its first turn."""
    return job() if os.environ.get("SLURM_RESTART_COUNT", "0") != "0" else None


def requeue() -> None:
    """Puts this job back in the queue; says so if that fails."""
    name = job()
    if name is None:
        return
    try:
        subprocess.run(["scontrol", "requeue", name], check=True, capture_output=True, text=True)
        sys.stderr.write(f"SLURM job {name} is queued again and will go on by itself.\n")
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        sys.stderr.write(f"SLURM job {name} could not be queued again: {reason}\n")
