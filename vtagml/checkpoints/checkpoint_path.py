"""Which checkpoint a command starts from."""

import os
import warnings
from pathlib import Path

from vtagml.checkpoints.reading import read_checkpoint
from vtagml.checkpoints.slurm import requeued_job


def checkpoint_path(given: str | None, newest: Path, command: str) -> str | None:
    """Returns the checkpoint that a command starts from, None for a fresh start.

    `last` is the run's newest checkpoint; if that is not whole, the newest other one in its folder
    that is, with a warning. A job that SLURM has requeued goes on from its own checkpoint, whatever
    its first turn was given.

    Args:
        given: What the user asked for: a file, `last`, `none`, or nothing.
        newest: Where the run's newest checkpoint is, if there is one.
        command: Evaluations take the newest if nothing is given, instead of random weights.
    """
    if command == "fit" and (own := _of_this_job(newest)):
        return own
    if given in ("none", "None", "null") or (given is None and command == "fit"):
        return None
    if given not in (None, "last"):
        path = Path(str(given))
        if not path.is_file():
            raise FileNotFoundError(_absent(path))
        read_checkpoint(path, "meta")
        return str(path)
    return str(_last_good(newest))


def _last_good(newest: Path) -> Path:
    others = sorted(newest.parent.glob("*.ckpt"), key=os.path.getmtime, reverse=True)
    problems = []
    for path in sorted(others, key=lambda path: path != newest):
        try:
            read_checkpoint(path, "meta")
        except ValueError as error:
            problems.append(str(error))
            continue
        if problems:
            warnings.warn(f"{' '.join(problems)} Taking `{path}` instead.", stacklevel=3)
        return path
    if problems:
        raise ValueError(" ".join(problems))
    raise FileNotFoundError(_absent(newest))


def _of_this_job(newest: Path) -> str | None:
    job = requeued_job()
    if job is None or not newest.is_file():
        return None
    callbacks = read_checkpoint(newest, "meta").get("callbacks", {})
    # Another job's run may lie in the folder still, if this one was stopped before it began.
    jobs = {state.get("job") for state in callbacks.values() if isinstance(state, dict)}
    return str(newest) if job in jobs else None


def _absent(path: Path) -> str:
    return (
        f"`ckpt_path` must be a checkpoint, found no file `{path}`. Train first (`lightning fit`), "
        "give another file, or `--ckpt_path none` for the weights as constructed."
    )
