"""Sweeps in W&B's own format, searched without a server.

A `Sweep` is a file that `wandb sweep` takes, too: a command of ours, parameters that are keys of
its config, a metric. Optuna says what values to try; each trial is the command itself, as a job of
a runner, and its folder an ordinary run folder. Needs the extra `sweep`.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.sweep.command_line import lightning_words as lightning_words
    from vtagml.sweep.definition import EarlyStop as EarlyStop
    from vtagml.sweep.definition import Sweep as Sweep
    from vtagml.sweep.definition import read_sweep as read_sweep
    from vtagml.sweep.figures import sweep_figures as sweep_figures
    from vtagml.sweep.parameters import Parameter as Parameter
    from vtagml.sweep.parameters import listed as listed
    from vtagml.sweep.queue import TrialJob as TrialJob
    from vtagml.sweep.queue import TrialQueue as TrialQueue
    from vtagml.sweep.study import failed as failed
    from vtagml.sweep.study import folder_name as folder_name
    from vtagml.sweep.table import best_of as best_of
    from vtagml.sweep.table import ranked as ranked
    from vtagml.sweep.table import readers_sheet as readers_sheet
    from vtagml.sweep.table import whole_sheet as whole_sheet

open_when_asked(__name__)
