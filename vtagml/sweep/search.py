"""The search itself: Optuna says what to try, and remembers it in the sweep's folder."""

import itertools
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from vtagml.sweep.again import DIVERGED, ENDED, FAILURE, counted, name_of, take_up
from vtagml.sweep.command_line import lightning_words
from vtagml.sweep.definition import Sweep
from vtagml.sweep.trial_process import TrialDiverged, TrialFailed, TrialProcess

JOURNAL, STUDY, TRIALS = "journal.log", "sweep", "trials"
FAILURES = 3  # In a row and without a success: the sweep is wrong, not its values.

Start = Callable[[Sequence[str], Path, str], TrialProcess]


def search(
    sweep: Sweep,
    folder: Path,
    trials: int | None,
    overrides: Sequence[str],
    said: Callable[[str], None],
    start: Start = TrialProcess,
) -> None:
    """Runs trials until there are enough in the folder.

    What was done before counts; a trial that an interruption fell into, or that failed, is done
    again, from its checkpoint where it has one. One that diverged is not.

    Args:
        sweep: What to search.
        folder: Of the sweep: Optuna's journal, and a run folder for each trial.
        trials: How many there shall be; of a grid all by default.
        overrides: Words for every trial, such as `--data.root=…`.
        said: Is given a line for each trial.
        start: Begins a trial.
    """
    study = _study(sweep, folder, overrides)
    take_up(study, folder / TRIALS)
    if sweep.method == "grid":
        for values in itertools.product(*(each.texts for each in sweep.searched)):
            keys = (each.key for each in sweep.searched)
            study.enqueue_trial(dict(zip(keys, values, strict=True)), skip_if_exists=True)
    wanted = _wanted(sweep, trials)
    while counted(study) < wanted:
        trial = study.ask()
        said(_run(sweep, study, trial, folder, overrides, start))
        _check_successes(study, folder)


def _wanted(sweep: Sweep, trials: int | None) -> int:
    if sweep.method == "grid":
        every = math.prod(len(each.values) for each in sweep.searched)
        return min(every, trials or sweep.cap or every)
    wanted = trials or sweep.cap
    if wanted is None:
        raise ValueError(
            f"`--trials` must say how many to try with `method: {sweep.method}`, found neither it "
            "nor `run_cap` in the file: `--trials 20`."
        )
    return wanted


def known_trials(folder: Path) -> list[FrozenTrial]:
    """Returns what the journal of a sweep's folder knows, in whatever state."""
    return optuna.load_study(study_name=STUDY, storage=_storage(folder)).trials


def _storage(folder: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(folder / JOURNAL)))


def _study(sweep: Sweep, folder: Path, overrides: Sequence[str]) -> optuna.Study:
    folder.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # the command says what is to be said
    study = optuna.create_study(
        storage=_storage(folder),
        study_name=STUDY,
        direction=sweep.goal,
        load_if_exists=True,
        pruner=_pruner(sweep),
    )
    study.sampler = _sampler(sweep, len(study.trials))
    described = json.dumps([asdict(sweep) | {"cap": None}, list(overrides)], sort_keys=True)
    known = study.user_attrs.get("sweep")
    if known is not None and known != described:
        raise ValueError(
            f"`--out` must be the folder of this sweep, found another one in `{folder}`, or the "
            "same with other settings: give another folder, or delete this one."
        )
    study.set_user_attr("sweep", described)
    return study


def _sampler(sweep: Sweep, known: int) -> BaseSampler:
    # With the same seed a search that is taken up would try the same values once more.
    return TPESampler(seed=known) if sweep.method == "bayes" else RandomSampler(seed=known)


def _pruner(sweep: Sweep) -> BasePruner:
    early = sweep.early
    if early is None:
        return NopPruner()
    return HyperbandPruner(early.least, early.most or "auto", early.factor)


def _run(
    sweep: Sweep,
    study: optuna.Study,
    trial: Trial,
    folder: Path,
    overrides: Sequence[str],
    start: Start,
) -> str:
    """Runs one trial to its end and returns a line on it; an interruption leaves it as running."""
    values = {each.key: each.suggest(trial) for each in sweep.parameters.values()}
    name = name_of(trial)
    words = lightning_words(sweep.command, values)
    kept = {"folder": name, "values": values, "words": [*words, *overrides]}
    for key, each in kept.items():
        trial.set_user_attr(key, each)
    run = folder / TRIALS / name
    own = ["--test_after_fit=false", f"--trainer.default_root_dir={run}"]
    if (run / "checkpoints" / "last.ckpt").is_file():
        own.append("--ckpt_path=last")
    most = None if sweep.early is None else sweep.early.most
    began = time.monotonic()
    process = start([*words, *overrides, *own], run, sweep.metric)
    try:
        curve, pruned = _watched(process, trial, most)
    except TrialFailed as failure:
        trial.set_user_attr(FAILURE, str(failure))
        if isinstance(failure, TrialDiverged):
            trial.set_user_attr(DIVERGED, True)
        study.tell(trial, state=TrialState.FAIL)
        return f"trial {name} failed, {failure}"
    finally:
        process.stop()
    trial.set_user_attr("seconds", round(time.monotonic() - began, 1))
    trial.set_user_attr("curve", {str(step): value for step, value in curve.items()})
    trial.set_user_attr("metrics", process.metrics())
    value = list(curve.values())[-1]
    if pruned:
        study.tell(trial, state=TrialState.PRUNED)
        return f"trial {name} given up at {sweep.metric} {value:.4g}"
    study.tell(trial, value)
    return f"trial {name}: {sweep.metric} {value:.4g}"


def _watched(
    process: TrialProcess, trial: Trial, most: int | None
) -> tuple[Mapping[int, float], bool]:
    """Returns the metric by step, and whether the trial was given up."""
    known = 0
    while process.runs():
        curve = process.news()
        # What counts is the number of validations: trials may have batches of different sizes.
        for number, value in list(enumerate(curve.values(), 1))[known:]:
            _check_finite(value)
            trial.report(value, number)
            if (most is None or number < most) and trial.should_prune():
                return dict(list(curve.items())[:number]), True
        known = max(known, len(curve))
    curve = process.result()
    for number, value in list(enumerate(curve.values(), 1))[known:]:
        _check_finite(value)
        trial.report(value, number)
    return curve, False


def _check_finite(value: float) -> None:
    if not math.isfinite(value):
        raise TrialDiverged(f"the metric is {value}")


def _check_successes(study: optuna.Study, folder: Path) -> None:
    """Ends a sweep of which nothing succeeds: what is wrong then are not the values."""
    ended = study.get_trials(deepcopy=False, states=ENDED)
    failures = [
        trial.user_attrs.get(FAILURE)
        for trial in ended
        if trial.state is not TrialState.FAIL or FAILURE in trial.user_attrs  # else interrupted
    ]
    if all(failures) and len(failures) >= FAILURES:
        raise ValueError(
            f"The first {len(failures)} trials failed, and none succeeded; the last says: "
            f"{failures[-1]}. What they printed is in `{folder / TRIALS}`."
        )
