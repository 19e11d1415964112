"""Trials that are done again: those that an interruption fell into, and those that failed."""

from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from vtagml.launching import is_busy
from vtagml.run_folder import LOCK

GOES_ON = "goes_on"  # The folder of the earlier trial that a trial takes up.
FAILURE, DIVERGED = "failure", "diverged"
ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def name_of(trial: FrozenTrial | Trial) -> str:
    """Returns a trial's folder below that of all trials."""
    kept = trial.user_attrs
    return str(kept.get("folder") or kept.get(GOES_ON) or f"{trial.number:03d}")


def failed(trial: FrozenTrial) -> bool:
    """Whether a trial ended by something else than its values, so that it may do better."""
    is_failure = trial.state is TrialState.FAIL and FAILURE in trial.user_attrs
    return is_failure and DIVERGED not in trial.user_attrs


def take_up(study: optuna.Study, trials: Path) -> None:
    """Puts trials that were interrupted or have failed among those that are to be done.

    Args:
        study: All trials so far.
        trials: The folder of their folders.

    Raises:
        ValueError: One that is to be done again is still at work, because only the sweep was
            killed.
    """
    last = {name_of(trial): trial for trial in study.get_trials()}
    again = [trial for trial in last.values() if trial.state is TrialState.RUNNING or failed(trial)]
    for trial in again:
        if is_busy(trials / name_of(trial)):
            raise ValueError(
                f"Trial {name_of(trial)} must have ended before the sweep goes on, but a run is "
                f"at work in `{trials / name_of(trial)}`: wait for it or end it (its `{LOCK}` says "
                "which process it is), and give the same command again."
            )
    for trial in again:
        if trial.state is TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
        values = trial.params or trial.system_attrs.get("fixed_params", {})
        study.enqueue_trial(values, user_attrs={GOES_ON: name_of(trial)})


def counted(study: optuna.Study) -> int:
    """Returns how many trials ended by themselves; those done again count once."""
    again = sum(GOES_ON in trial.user_attrs for trial in study.trials)
    return len(study.get_trials(deepcopy=False, states=ENDED)) - again
