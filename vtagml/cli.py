"""The command line: `lightning COMMAND …`; what a command needs is imported when it runs."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

from vtagml.commands.messages import fail, one_message
from vtagml.commands.mistakes import did_you_mean
from vtagml.commands.output import lasting_output
from vtagml.commands.usage import USAGE, usage

# Lightning still calls what jsonargparse has renamed; no user can do anything about it.
os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")

COMMANDS: Mapping[str, str] = {
    "fit": "vtagml.experiment:run_fit",
    "validate": "vtagml.experiment:run_validate",
    "test": "vtagml.experiment:run_test",
    "predict": "vtagml.commands.predict:run_predict",
    "check": "vtagml.commands.data:run_check",
    "prepare": "vtagml.commands.data:run_prepare",
    "scenes": "datamodules.writing.command:main",
    "benchmark": "vtagml.commands.benchmark:run_benchmark",
    "export": "vtagml.commands.export:run_export",
    "report": "vtagml.commands.report:run_report",
    "sweep": "vtagml.commands.sweep:run_sweep",
    "weights": "vtagml.commands.weights:run_weights",
}
"""Where each command is: a function of the words behind it."""


@lasting_output()
def main(args: Sequence[str] | None = None) -> None:
    """Runs one command.

    Args:
        args: The words after `lightning`; those of the process by default.
    """
    words = list(sys.argv[1:] if args is None else args)
    if not words or words[0] in ("-h", "--help"):
        sys.stdout.write(USAGE)
        return
    if words[0] not in COMMANDS:
        near = did_you_mean(words[0], COMMANDS)
        fail(f"`{words[0]}` is no command: expected one of {', '.join(COMMANDS)}.{near}")
    if words[1:] in (["-h"], ["--help"]):
        sys.stdout.write(usage(words[0]))
        return
    words = ["--help" if word == "--help-all" else word for word in words]
    with one_message():
        file, function = COMMANDS[words[0]].split(":")
        getattr(import_module(file), function)(words[1:])
