"""The search with trials that need no process: what is tried, counted, given up, taken up."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial

from vtagml.launching import Board, Runner, runner
from vtagml.run_folder import RunFolder
from vtagml.sweep import (
    EarlyStop,
    Parameter,
    Sweep,
    TrialJob,
    TrialQueue,
    failed,
    folder_name,
    listed,
    ranked,
)
from vtagml.sweep.table import STATES

COMMAND = ("lightning", "fit", "--config", "x.yaml", "${args}")
A = listed("a", 1, 2, 3)
B = listed("b", "[1, 2]", True)
X = Parameter("x", FloatDistribution(0.0, 1.0))


def sweep_of(method: str, *parameters: Parameter, early: EarlyStop | None = None) -> Sweep:
    keys = {parameter.key: parameter for parameter in parameters}
    return Sweep(COMMAND, method, "val/m", "minimize", keys, early)


class Runs:
    """Plays trials as a function of their number says, and keeps their words.

    What a trial is comes as its curve, of which one more validation is seen at each look, as what
    it says when it fails, or as `Ctrl-C`.
    """

    def __init__(self, curve_of: Callable[[int], Any]) -> None:
        self.curve_of = curve_of
        self.words: list[list[str]] = []
        self.stopped: list[str] = []

    def __call__(self, job: TrialJob, launcher: object, variables: object) -> "Scripted":
        self.words.append(job.command(job.is_begun))
        return Scripted(job, self.curve_of(len(self.words) - 1), self.stopped)


class Scripted:
    """A process of a trial whose validations are known beforehand."""

    seconds = 0.0
    is_stopping = False

    def __init__(self, job: TrialJob, curve: Sequence[float] | str, stopped: list[str]) -> None:
        self.job, self.script, self.stopped = job, curve, stopped
        self.looks = itertools.count()
        job.curve = self._curve  # type: ignore[method-assign]
        job.metrics = lambda: {"val/other": 5.0}  # type: ignore[method-assign]
        self.seen: Sequence[float] = []

    def _curve(self) -> Mapping[int, float]:
        return {10 * step: value for step, value in enumerate(self.seen)}

    def ended(self) -> int | None:
        if self.is_stopping:
            return -15
        if self.script == "Ctrl-C":
            raise KeyboardInterrupt
        if isinstance(self.script, str):
            if self.script == "diverged":
                RunFolder(self.job.folder).checkpoints.mkdir(parents=True)
                RunFolder(self.job.folder).faulty_checkpoint.touch()
            end = "[ended with status 1 after 0 s]"
            late = "\nand a worker" if self.script == "talkative" else ""
            self.job.log.write_text(f"$ a\n{self.script}\n{end}{late}")
            return 1
        look = next(self.looks)
        self.seen = self.script[:look]
        return 0 if look > len(self.script) else None

    def ask_to_stop(self) -> None:
        self.is_stopping = True
        self.stopped.append(self.job.name)

    def kill(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PAUSE", 0.0)


def searched(
    folder: Path,
    sweep: Sweep,
    curve_of: Callable[[int], Any],
    trials: int | None = None,
    processes: int = 1,
) -> tuple[Runs, list[FrozenTrial]]:
    queue = TrialQueue(sweep, folder, trials, ["--data.root=d"])
    runs = played(queue, curve_of, processes)
    return runs, ranked(queue.study.trials, sweep)


def played(queue: TrialQueue, curve_of: Callable[[int], Any], processes: int = 1) -> Runs:
    runs = Runs(curve_of)
    (queue.folder / "trials").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "JobProcess", runs)
        Runner(queue, Board(3), processes=processes).run()
    return runs


def test_grid_tries_every_pair_once_and_the_best_is_first(tmp_path: Path) -> None:
    runs, trials = searched(tmp_path, sweep_of("grid", A, B), lambda number: [9.0, 6.0 - number])
    pairs = {(trial.user_attrs["values"]["a"], trial.user_attrs["values"]["b"]) for trial in trials}
    assert pairs == {(a, b) for a in (1, 2, 3) for b in ("[1, 2]", True)}
    assert [trial.value for trial in trials] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert runs.words[0] == [
        *("fit", "--config", "x.yaml", "--a=1", "--b=[1, 2]", "--data.root=d"),
        *("--test_after_fit=false", f"--trainer.default_root_dir={tmp_path}/trials/000"),
    ]
    assert trials[0].user_attrs["words"] == [
        "fit",
        "--config",
        "x.yaml",
        "--a=3",
        "--b=True",
        "--data.root=d",
    ]
    assert trials[0].user_attrs["metrics"] == {"val/other": 5.0}


def test_what_was_done_counts(tmp_path: Path) -> None:
    sweep = sweep_of("random", X)
    searched(tmp_path, sweep, lambda number: [1.0], trials=2)
    runs, trials = searched(tmp_path, sweep, lambda number: [2.0], trials=5)
    assert len(runs.words) == 3
    assert (
        len({trial.user_attrs["values"]["x"] for trial in trials}) == 5
    )  # not the same values once more
    with pytest.raises(ValueError, match=r"found another one in"):
        searched(tmp_path, sweep_of("random", A), lambda number: [1.0], trials=5)


def test_how_many_must_be_said_without_a_grid(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`--trials` must say how many"):
        searched(tmp_path, sweep_of("bayes", X), lambda number: [1.0])


def test_failed_and_nan_trials_cost_only_themselves(tmp_path: Path) -> None:
    curves: list[Any] = [[1.0], "no memory", [1.0, math.nan], [0.5]]
    runs, trials = searched(tmp_path, sweep_of("random", X), curves.__getitem__, trials=4)
    assert [STATES[trial.state] for trial in trials] == ["done", "done", "failed", "failed"]
    assert [
        trial.user_attrs["failure"].splitlines()[0]
        for trial in trials
        if "failure" in trial.user_attrs
    ] == [
        "no memory",
        "the metric is nan",
    ]
    assert runs.stopped == ["trial 002"]


def test_a_failure_counts_whatever_its_workers_print_behind_it(tmp_path: Path) -> None:
    curves: list[Any] = [[1.0], "talkative"]
    _, trials = searched(tmp_path, sweep_of("random", X), curves.__getitem__, trials=2)
    assert [STATES[trial.state] for trial in trials] == ["done", "failed"]
    assert trials[1].user_attrs["failure"] == "exit status 1"


def test_keys_in_another_order_are_the_same_sweep(tmp_path: Path) -> None:
    searched(tmp_path, sweep_of("random", A, X), lambda number: [1.0], trials=1)
    _, trials = searched(tmp_path, sweep_of("random", X, A), lambda number: [1.0], trials=2)
    assert len(trials) == 2


def test_a_sweep_of_failures_ends(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"first 3 trials failed.*the last says: no data"):
        searched(tmp_path, sweep_of("random", X), lambda number: "no data", trials=9)


@pytest.mark.parametrize("end", [[math.nan], "diverged"], ids=str)
def test_trials_that_diverge_end_neither_a_sweep_nor_come_again(end: Any, tmp_path: Path) -> None:
    sweep = sweep_of("random", X)
    _, trials = searched(tmp_path, sweep, [end, end, end, [0.5]].__getitem__, trials=4)
    assert [STATES[trial.state] for trial in trials] == ["done", *["failed"] * 3]
    assert searched(tmp_path, sweep, lambda number: [0.5], trials=4)[0].words == []


@pytest.mark.parametrize("method", ["random", "bayes"])
def test_hyperband_gives_up_the_worse(method: str, tmp_path: Path) -> None:
    early = EarlyStop(least=1, factor=2)

    def curve(number: int) -> list[float]:
        # Every second is poor; the others get better and better, so none of them is given up.
        return [5.0 if number % 2 else 1.0 - 0.001 * number] * 4

    _, trials = searched(tmp_path, sweep_of(method, X, early=early), curve, trials=12)
    given_up = [trial for trial in trials if STATES[trial.state] == "given up"]
    assert given_up
    assert all(int(folder_name(trial)) % 2 for trial in given_up)
    assert all(len(trial.intermediate_values) < 4 for trial in given_up)
    assert folder_name(trials[0]) == "010"


def test_interrupted_trial_does_not_hide_that_all_fail(tmp_path: Path) -> None:
    sweep = sweep_of("random", X)
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path, sweep, lambda number: "Ctrl-C", trials=9)
    with pytest.raises(ValueError, match="first 3 trials failed"):
        searched(tmp_path, sweep, lambda number: "no data", trials=9)


def test_failed_trial_is_tried_again_in_the_next_call(tmp_path: Path) -> None:
    sweep = sweep_of("grid", A)
    curves: list[Any] = [[1.0], "no memory", [math.nan]]
    _, trials = searched(tmp_path, sweep, curves.__getitem__)
    assert {folder_name(trial): failed(trial) for trial in trials} == {
        "000": False,
        "001": True,
        "002": False,  # the same values would diverge again
    }
    # An interruption between them does not make it two.
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path, sweep, lambda number: "Ctrl-C")
    runs, trials = searched(tmp_path, sweep, lambda number: "no memory")
    assert len(runs.words) == 1
    runs, trials = searched(tmp_path, sweep, lambda number: [0.5])
    (words,) = runs.words
    assert "--a=2" in words
    assert f"--trainer.default_root_dir={tmp_path}/trials/001" in words
    assert [(folder_name(trial), STATES[trial.state]) for trial in trials] == [
        ("001", "done"), ("000", "done"), ("002", "failed")
    ]  # fmt: skip
    assert not any(failed(trial) for trial in trials)
    assert searched(tmp_path, sweep, lambda number: [0.5])[0].words == []


def test_interrupted_trial_that_is_still_at_work_is_left_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = sweep_of("grid", A)
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path, sweep, lambda number: "Ctrl-C")
    busy = [tmp_path / "trials/000"]
    monkeypatch.setattr("vtagml.sweep.study.is_busy", busy.__contains__)
    with pytest.raises(ValueError, match=r"Trial 000 must have ended .*trials/000"):
        searched(tmp_path, sweep, lambda number: [1.0])
    busy.clear()
    _, trials = searched(tmp_path, sweep, lambda number: [1.0])
    assert [STATES[trial.state] for trial in trials] == ["done"] * 3


def test_interrupted_trial_is_taken_up_in_its_folder(tmp_path: Path) -> None:
    sweep = sweep_of("grid", A)
    curves: list[Any] = [[3.0], "Ctrl-C"]
    queue = TrialQueue(sweep, tmp_path, None, ["--data.root=d"])
    with pytest.raises(KeyboardInterrupt):
        played(queue, curves.__getitem__)
    assert [folder_name(trial) for trial in ranked(queue.study.trials, sweep)] == ["000"]
    checkpoint = tmp_path / "trials/001/checkpoints/last.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    runs, trials = searched(tmp_path, sweep, lambda number: [2.0 - number])
    assert sorted(trial.user_attrs["values"]["a"] for trial in trials) == [1, 2, 3]
    assert [STATES[trial.state] for trial in trials] == ["done"] * 3
    (again,) = (words for words in runs.words if "--a=2" in words)
    assert again[-2:] == ["--ckpt_path=last", f"--trainer.default_root_dir={tmp_path}/trials/001"]


def test_trials_at_once_are_as_many_as_were_asked_for(tmp_path: Path) -> None:
    runs, trials = searched(tmp_path, sweep_of("random", X), lambda number: [1.0], 5, processes=3)
    assert len(runs.words) == len(trials) == 5
    assert len({trial.user_attrs["values"]["x"] for trial in trials}) == 5


def test_a_trial_without_a_validation_has_failed(tmp_path: Path) -> None:
    _, trials = searched(tmp_path, sweep_of("random", X), [[1.0], []].__getitem__, trials=2)
    assert trials[1].user_attrs["failure"].startswith("no `val/m` in `")
