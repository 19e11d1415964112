"""What Optuna remembers of a sweep, in the sweep's folder, and what is done again of it."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, NopPruner
from optuna.samplers import RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from vtagml.run_folder import LOCK, is_busy
from vtagml.sweep.definition import Sweep

JOURNAL, STUDY, TRIALS = "journal.log", "sweep", "trials"
GOES_ON = "goes_on"  # The folder of the earlier trial that a trial takes up.
FAILURE, DIVERGED = "failure", "diverged"
ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def open_study(sweep: Sweep, folder: Path, overrides: Sequence[str]) -> optuna.Study:
    """Returns the study in a folder, with what is to be done first: what was interrupted, a grid.

    Raises:
        ValueError: The folder is another sweep's, or a trial that is to be done again is still at
            work, because only the sweep was killed.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # the command says what is to be said
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(folder / JOURNAL))),
        study_name=STUDY,
        direction=sweep.goal,
        load_if_exists=True,
        pruner=_pruner(sweep),
    )
    # With the same seed a search that is taken up would try the same values once more.
    sampler = TPESampler if sweep.method == "bayes" else RandomSampler
    study.sampler = sampler(seed=len(study.trials))
    in_order = {key: sweep.parameters[key] for key in sorted(sweep.parameters)}
    described = json.dumps([repr(replace(sweep, cap=None, parameters=in_order)), *overrides])
    if study.user_attrs.setdefault("sweep", described) != described:
        raise ValueError(
            f"`--out` must be the folder of this sweep, found another one in `{folder}`, or the "
            "same with other settings: give another folder."
        )
    study.set_user_attr("sweep", described)
    _take_up(study, folder / TRIALS)
    if sweep.method == "grid":
        keys = [parameter.key for parameter in sweep.searched]
        texts = (map(json.dumps, parameter.values) for parameter in sweep.searched)
        for values in itertools.product(*texts):
            study.enqueue_trial(dict(zip(keys, values, strict=True)), skip_if_exists=True)
    return study


def _pruner(sweep: Sweep) -> BasePruner:
    early = sweep.early
    if early is None:
        return NopPruner()
    return HyperbandPruner(early.least, reduction_factor=early.factor)


def folder_name(trial: FrozenTrial | Trial) -> str:
    """Returns a trial's folder below that of all trials."""
    kept = trial.user_attrs
    return str(kept.get("folder") or kept.get(GOES_ON) or f"{trial.number:03d}")


def failed(trial: FrozenTrial) -> bool:
    """Whether a trial ended by something else than its values, so that it may do better."""
    is_failure = trial.state is TrialState.FAIL and FAILURE in trial.user_attrs
    return is_failure and not trial.user_attrs.get(DIVERGED)


def _take_up(study: optuna.Study, trials: Path) -> None:
    """Puts trials that were interrupted or have failed among those that are to be done."""
    last = {folder_name(trial): trial for trial in study.get_trials()}
    retries = {
        trials / name: trial
        for name, trial in last.items()
        if trial.state is TrialState.RUNNING or failed(trial)
    }
    for folder in filter(is_busy, retries):
        raise ValueError(
            f"Trial {folder.name} must have ended before the sweep goes on, but a run is at work in"
            f" `{folder}`: wait for it or end it (its `{LOCK}` says which process it is), and give "
            "the same command again."
        )
    for folder, trial in retries.items():
        if trial.state is TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
        values = trial.params or trial.system_attrs.get("fixed_params", {})
        study.enqueue_trial(values, user_attrs={GOES_ON: folder.name})


def count_ended(study: optuna.Study) -> int:
    """Returns how many trials ended by themselves; those done again count once."""
    retries = sum(GOES_ON in trial.user_attrs for trial in study.trials)
    return len(study.get_trials(deepcopy=False, states=ENDED)) - retries
