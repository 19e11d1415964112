"""Sweeps in W&B's own format, searched without a server.

A `Sweep` is a file that `wandb sweep` takes, too: a command of ours, parameters that are keys of
its config, a metric. Optuna says what values to try; each trial is the command itself, as a job of
a runner, and its folder an ordinary run folder. Needs the extra `sweep`.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.sweep.command_line import lightning_words
    from vtagml.sweep.definition import EarlyStop, Sweep, read_sweep
    from vtagml.sweep.figures import sweep_figures
    from vtagml.sweep.parameters import Parameter, listed
    from vtagml.sweep.queue import TrialJob, TrialQueue
    from vtagml.sweep.study import failed, folder_name
    from vtagml.sweep.table import best_of, ranked, readers_sheet, whole_sheet

open_when_asked(__name__)
