"""Runs of our own command line as processes: started, followed, stopped, taken up, recorded.

A `Runner` does the jobs that a `Queue` gives it, some at a time: cells of a benchmark, trials of a
sweep. A job shares nothing with what started it: it may be killed for its memory and ends alone.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.launching.board import Board
    from vtagml.launching.job import Job, JobProcess, as_typed, failure_of, launcher
    from vtagml.launching.plan_file import check_keys, read_yaml
    from vtagml.launching.runner import INTERRUPTED, Queue, Runner

open_when_asked(__name__)
