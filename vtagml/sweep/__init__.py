"""Sweeps in W&B's own format, searched without a server.

A `Sweep` is a file that `wandb sweep` takes, too: a command of ours, parameters that are keys of
its config, a metric. `search` tries values with Optuna; each trial is the command itself, in a
process of its own, and its folder an ordinary run folder. Needs the extra `sweep`.
"""

from vtagml.sweep.command_line import agent_words, lightning_words
from vtagml.sweep.definition import EarlyStop, Sweep, read_sweep
from vtagml.sweep.figures import sweep_figures
from vtagml.sweep.parameters import Parameter
from vtagml.sweep.search import known_trials, search
from vtagml.sweep.table import Trial, best_command, best_of, terminal_table, trials_csv, trials_of
from vtagml.sweep.trial_process import TrialFailed, TrialProcess

__all__ = [
    "EarlyStop",
    "Parameter",
    "Sweep",
    "Trial",
    "TrialFailed",
    "TrialProcess",
    "agent_words",
    "best_command",
    "best_of",
    "known_trials",
    "lightning_words",
    "read_sweep",
    "search",
    "sweep_figures",
    "terminal_table",
    "trials_csv",
    "trials_of",
]
