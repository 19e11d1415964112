"""Runs of our own command line as processes: started, followed, stopped, taken up, recorded.

A `Runner` does the jobs that a `Queue` gives it, some at a time: cells of a benchmark, trials of a
sweep. A job shares nothing with what started it: it may be killed for its memory and ends alone.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.launching.board import Board as Board
    from vtagml.launching.job import Job as Job
    from vtagml.launching.job import JobProcess as JobProcess
    from vtagml.launching.job import as_typed as as_typed
    from vtagml.launching.job import failure_of as failure_of
    from vtagml.launching.job import launcher as launcher
    from vtagml.launching.plan_file import check_keys as check_keys
    from vtagml.launching.plan_file import read_yaml as read_yaml
    from vtagml.launching.runner import INTERRUPTED as INTERRUPTED
    from vtagml.launching.runner import Queue as Queue
    from vtagml.launching.runner import Runner as Runner

open_when_asked(__name__)
