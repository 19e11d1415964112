"""Runs as processes of their own, as benchmarks and sweeps start them.

A run shares nothing with what started it: it may be killed for its memory and ends alone. Whoever
starts it is told of Ctrl-C and SIGTERM, and then stops it with a checkpoint.
"""

from vtagml.launching.busy import is_busy
from vtagml.launching.devices import environment
from vtagml.launching.interruption import terminated_as_interrupted
from vtagml.launching.own_process import OwnProcess, launcher
from vtagml.launching.yaml_file import read_yaml

__all__ = [
    "OwnProcess",
    "environment",
    "is_busy",
    "launcher",
    "read_yaml",
    "terminated_as_interrupted",
]
