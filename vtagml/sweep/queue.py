"""A sweep's trials as a runner does them: Optuna says what to try, and when to give up."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from optuna.trial import Trial, TrialState

from vtagml.launching import Job, Queue, failure_of
from vtagml.report.logs import read_logs
from vtagml.run_folder import LOGS, RunFolder
from vtagml.sweep.command_line import lightning_words
from vtagml.sweep.definition import Sweep
from vtagml.sweep.study import (
    DIVERGED,
    ENDED,
    FAILURE,
    TRIALS,
    count_ended,
    failed,
    folder_name,
    open_study,
)

FAILURES = 3  # And no success: the sweep is wrong, not its values.


class TrialJob(Job):
    """A trial at work, whose metric is read from the log of its run.

    Args:
        trial: Optuna's.
        words: Its command.
        folder: Its run folder.
        metric: What its validations log.
    """

    def __init__(self, trial: Trial, words: Sequence[str], folder: Path, metric: str) -> None:
        super().__init__(f"trial {folder.name}", folder, words)
        self.trial, self.metric = trial, metric
        self.reported = 0
        self._state: list[tuple[int, int]] = []  # of the logs when they were last read
        self._curve: Mapping[int, float] = {}
        self.damage: str | None = None  # what is wrong with its log
        self.diverged: float | None = None  # the value that is no finite number

    def curve(self) -> Mapping[int, float]:
        """The metric by step, as far as whole lines of the log have it."""
        logs = RunFolder(self.folder).log_versions.values()
        files = (file.stat() for place in logs for file in place.glob("*.csv"))
        state = [(file.st_size, file.st_mtime_ns) for file in files]
        if state != self._state:  # or there is nothing new: long logs take long to read
            self._state, self._curve = state, {}
            try:
                self._curve = read_logs(self.folder).get(self.metric, {})
            except ValueError as error:  # damaged: costs this trial, not the sweep
                self.damage = str(error)
        return self._curve

    def metrics(self) -> dict[str, float]:
        """Returns the last value of everything that validations logged."""
        logs = read_logs(self.folder)
        return {key: list(curve.values())[-1] for key, curve in logs.items() if key[:4] == "val/"}


class TrialQueue(Queue[TrialJob]):
    """Trials until there are enough in the folder.

    What was done before counts; a trial that an interruption fell into, or that failed, is done
    again, from its checkpoint where it has one. One that diverged is not.

    Args:
        sweep: What to search.
        folder: Of the sweep: Optuna's journal, and a run folder for each trial.
        trials: How many there shall be; of a grid all by default.
        overrides: Words for every trial, such as `--data.root=…`.
    """

    def __init__(
        self, sweep: Sweep, folder: Path, trials: int | None, overrides: Sequence[str]
    ) -> None:
        self.sweep, self.folder, self.overrides = sweep, folder, overrides
        self.study = open_study(sweep, folder, overrides)
        self.wanted = _wanted(sweep, trials)
        self._working = 0

    @property
    def left(self) -> int:
        """How many have not begun."""
        return max(0, self.wanted - count_ended(self.study) - self._working)

    def next(self) -> TrialJob | None:
        if not self.left:
            return None
        self._working += 1
        searched = {parameter.key: parameter.distribution for parameter in self.sweep.searched}
        trial = self.study.ask(searched)
        values = {key: own.of(trial.params) for key, own in self.sweep.parameters.items()}
        words = [*lightning_words(self.sweep.command, values), *self.overrides]
        name = folder_name(trial)
        for key, kept in {"folder": name, "values": values, "words": words}.items():
            trial.set_user_attr(key, kept)
        words += ["--test_after_fit=false"]
        return TrialJob(trial, words, self.folder / TRIALS / name, self.sweep.metric)

    def goes_on(self, job: TrialJob) -> bool:
        given_up = any(job.trial.should_prune() for _ in _news(job, job.curve()))
        return not given_up and job.diverged is None

    def ended(self, job: TrialJob, status: int | None) -> list[str]:
        self._working -= 1
        curve = job.curve()
        if status == 0:
            list(_news(job, curve))
        if failure := _failure(job, status, curve):
            job.trial.set_user_attr(FAILURE, failure)
            diverged = job.diverged is not None or RunFolder(job.folder).faulty_checkpoint.is_file()
            job.trial.set_user_attr(DIVERGED, diverged)
            self.study.tell(job.trial, state=TrialState.FAIL)
            self._check_successes()
            return [f"{job.name} failed", *(f"  {line}" for line in failure.splitlines())]
        job.trial.set_user_attr("metrics", job.metrics())
        value = list(curve.values())[job.reported - 1]
        if status is None:
            self.study.tell(job.trial, state=TrialState.PRUNED)
            return [f"{job.name} given up at {self.sweep.metric} {value:.4g}"]
        self.study.tell(job.trial, value)
        return [f"{job.name}: {self.sweep.metric} {value:.4g}"]

    def _check_successes(self) -> None:
        """Ends a sweep of which nothing succeeds: what is wrong then are not the values.

        Those that diverged do not count: other values may not.
        """
        failures = [
            trial.user_attrs.get(FAILURE)
            for trial in self.study.get_trials(deepcopy=False, states=ENDED)
            if trial.state is not TrialState.FAIL or failed(trial)  # else interrupted, or diverged
        ]
        if all(failures) and len(failures) >= FAILURES:
            raise ValueError(
                f"The first {len(failures)} trials failed, and none succeeded; the last says: "
                f"{failures[-1]}. What they printed is in `{self.folder / TRIALS}`."
            )


def _wanted(sweep: Sweep, trials: int | None) -> int:
    if sweep.method == "grid":
        every = math.prod(len(parameter.values) for parameter in sweep.searched)
        return min(every, trials or sweep.cap or every)
    wanted = trials or sweep.cap
    if wanted is None:
        raise ValueError(
            f"`--trials` must say how many to try with `method: {sweep.method}`, found neither it "
            "nor `run_cap` in the file: `--trials 20`."
        )
    return wanted


def _news(job: TrialJob, curve: Mapping[int, float]) -> Iterator[int]:
    """Tells Optuna of the validations that are new, one by one, up to one without a number."""
    # What counts is the number of validations: trials may have batches of different sizes.
    for number, value in list(enumerate(curve.values(), 1))[job.reported :]:
        if not math.isfinite(value):
            job.diverged = value
            return
        job.trial.report(value, number)
        job.reported = number
        yield number


def _failure(job: TrialJob, status: int | None, curve: Mapping[int, float]) -> str | None:
    """Why a trial has no result, None where it has one."""
    if job.diverged is not None:
        return f"the metric is {job.diverged}"
    if status:
        return failure_of(job) or f"exit status {status}"  # of which the log need not end
    if not curve:
        return job.damage or (
            f"no `{job.metric}` in `{job.folder / LOGS}`: no validation was done, or no CSV was "
            "logged"
        )
    return None
