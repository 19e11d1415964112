"""What `sweep` does: values of a config's keys tried out, without a server."""

import itertools
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich import get_console

from vtagml import sweep as room
from vtagml.building import built
from vtagml.commands.messages import say
from vtagml.commands.parse import config_of
from vtagml.drawing import to_png
from vtagml.launching import INTERRUPTED, Board, Runner, as_typed
from vtagml.report import terminal
from vtagml.report.formats import comma_separated
from vtagml.run_folder import run_lock, write_whole
from vtagml.tasks import Task

OWN = "--trainer.default_root_dir"
CSVS = ("CSV", "CSVLogger")
OFFLINE = {"WANDB_MODE": "offline"}  # unless somebody says otherwise: a sweep asks no server


def run_trials(
    file: Path,
    trials: int | None,
    processes: int,
    out: Path | None,
    overrides: Sequence[str],
) -> None:
    """Runs the trials of a sweep, as `lightning sweep` says."""
    if find_spec("optuna") is None:
        raise ValueError(
            'A local sweep needs the package `optuna`, found none: pip install "vtagml[sweep]".'
        )
    sweep = room.read_sweep(file)
    _check(sweep, overrides)
    out = out or Path("runs") / "sweeps" / file.stem
    with run_lock(out, "--out"):
        queue = room.TrialQueue(sweep, out, trials, overrides)
        try:
            Runner(queue, Board(queue.left), processes, OFFLINE).run()
        except KeyboardInterrupt:
            _leave(queue)
            say("Stopped. The same command goes on from here.")
            raise SystemExit(INTERRUPTED) from None
        if failed := _leave(queue):
            say(f"Failed: {', '.join(failed)}. The same command tries these trials again.")
            raise SystemExit(1)


def _check(sweep: "room.Sweep", overrides: Sequence[str]) -> None:
    """Reads the config with every listed value once, before hours go into the first trial."""
    for word in overrides:
        key = word.removeprefix("--").partition("=")[0]
        if key in sweep.parameters or word.startswith(OWN):
            raise ValueError(
                f"`--{key}` is set by the sweep itself, found it on the command line, too: leave "
                "it out there, or in the file."
            )
    samples = {key: own.samples for key, own in sweep.parameters.items()}
    first = {key: values[0] for key, values in samples.items()}
    others = (first | {key: value} for key, values in samples.items() for value in values[1:])
    for values in itertools.chain([first], others):
        config = config_of([*room.lightning_words(sweep.command, values)[1:], *overrides])
        _check_log(config.trainer.logger)
        known = _metrics(config)
        if known and sweep.metric not in known:
            raise ValueError(
                f"`metric.name` must be a metric of the experiment's tasks, found "
                f"{sweep.metric!r}, expected one of {', '.join(known)}."
            )


def _check_log(given: Any) -> None:
    """Refuses trials without a CSV log, from which the sweep learns what became of them."""
    loggers = given if isinstance(given, list) else [given]
    kinds = [str(getattr(logger, "class_path", logger)) for logger in loggers]
    # Without a word on it, or with yes, a run logs CSV and TensorBoard.
    if any(kind in ("None", "True") or kind.rpartition(".")[2] in CSVS for kind in kinds):
        return
    raise ValueError(
        f"`trainer.logger` must have one for CSV, which the sweep reads, found {', '.join(kinds)}: "
        "`--trainer.logger=true`, or `--config experiments/loggers/csv.yaml` in the command."
    )


def _metrics(config: Any) -> list[str]:
    """What a validation logs; nothing if the model does not say its tasks in the usual way."""
    settings = config.model.get("init_args.tasks")
    tasks: list[Task] = built(list[Task], settings) if settings is not None else []
    return [f"val/{task.name}/{key}" for task in tasks for key in task.metrics()]


def _leave(queue: "room.TrialQueue") -> list[str]:
    """Prints the trials so far and the best command, and writes them with their pictures.

    Returns:
        The trials that failed and will be tried again.
    """
    sweep, out = queue.sweep, queue.folder
    trials = room.ranked(queue.study.trials, sweep)
    if not trials:
        return []
    files = {"trials.csv": comma_separated(room.whole_sheet(trials, sweep)).encode()}
    get_console().print(terminal(room.readers_sheet(trials, sweep), "Trials"))
    if (best := room.best_of(trials)) is not None:
        command = as_typed(best.user_attrs["words"])  # that trains, and then tests
        files["best.txt"] = f"{command}\n".encode()
        say(f"Best:\n{command}")
    for name, figure in room.sweep_figures(trials, sweep).items():
        files[f"{name}.png"] = to_png(figure)
    for name, content in files.items():
        write_whole(out / name, content)
    written = ", ".join(files)
    say(f"In `{out}`: {written}, trials.")
    return [room.folder_name(trial) for trial in trials if room.failed(trial)]
