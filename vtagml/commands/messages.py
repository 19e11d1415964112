"""What users read: errors that they can mend in one line, no warnings that they cannot act on."""

import logging
import os
import re
import sys
import warnings
from argparse import ArgumentError
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

# Warnings of libraries that no user of a config can act on.
UNHELPFUL = (
    "Found .* module.* in eval mode",  # a frozen backbone is meant to be
    ".*isinstance.treespec, LeafSpec.. is deprecated",  # Lightning's, on a newer torch
    "Checkpoint directory .* exists",  # of this very run: resumed, tested or run again
    "Experiment logs directory .* exists",  # of this very command: TensorBoard's are there
    "The '.*_dataloader' does not have many workers",  # a setting of the config, chosen
    "It is recommended to use .*sync_dist=True",  # our metrics are synchronised already
    "LightningCLI's args parameter is intended",  # the words were looked at before
    "Detected call of `lr_scheduler.step",  # the first step was left out, the schedule goes on
)
# What a user can do something about; everything else is ours to mend, and keeps its traceback.
EXPECTED = (ArgumentError, ValueError, OSError)
DEAD_WORKER = (
    "A worker that loads data has died ({}). It is often the system's answer to a lack of memory: "
    "give fewer `data.workers`, or a smaller `data.batch_size`. The last checkpoint stays: go on "
    "with `--ckpt_path last`."
)


@contextmanager
def one_message() -> Iterator[None]:
    """Ends the program with one line for errors that a user can do something about."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_is_no_advertisement)
    try:
        with warnings.catch_warnings():
            for pattern in UNHELPFUL:
                warnings.filterwarnings("ignore", pattern)
            yield
    except Exception as error:
        if os.environ.get("VTAGML_TRACEBACK") or (message := _message(error)) is None:
            raise
        fail(message)


def _message(error: Exception) -> str | None:
    """Returns what to say of an error, None of one that is ours."""
    # By its name, for Lightning takes long to import, and not every command needs it.
    kinds = [kind.__name__ for kind in type(error).__mro__]
    if isinstance(error, EXPECTED) or "MisconfigurationException" in kinds:
        return _brief(str(error))
    # Of the loader's own errors; those that a worker raises say "DataLoader worker process".
    if isinstance(error, RuntimeError) and "DataLoader worker (pid" in str(error):
        return DEAD_WORKER.format(str(error).strip().partition("\n")[0])
    return None


def fail(message: str) -> NoReturn:
    """Ends the program with a line on the standard error."""
    sys.stderr.write(f"error: {message}\n")
    raise SystemExit(2)


def say(*lines: str) -> None:
    """Prints lines as they are, however long."""
    from rich import get_console

    for line in lines:
        get_console().print(line, soft_wrap=True, markup=False, highlight=False)


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    return "Tip:" not in record.getMessage()


def _brief(message: str) -> str:
    """Leaves out of the parser's report what tells a reader nothing: types tried, values given."""
    noise = ("Given value", "Subtypes:", "Errors:", "Does not validate", "- Expected a <class '")
    if "Original Traceback" in message:  # raised in a loader's worker
        message = re.split(r"\n[\w.]*Error: ", message.rstrip())[-1]
    lines = [line for line in message.splitlines() if not line.strip().startswith(noise)]
    return "\n".join(lines).removeprefix("  - ")
