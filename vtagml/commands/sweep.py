"""`sweep`: values of a config's keys tried out, without a server."""

import itertools
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich import get_console

from vtagml.building import built
from vtagml.commands.parse import config_of
from vtagml.commands.validations import check_validates
from vtagml.drawing import to_png
from vtagml.launching import terminated_as_interrupted
from vtagml.run_folder import run_lock, write_whole
from vtagml.tasks import Task

OWN = "--trainer.default_root_dir"
CSVS = ("CSV", "CSVLogger")


def run_sweep(words: Sequence[str]) -> None:
    """Runs `lightning sweep`."""
    options, overrides = _options(words)
    if find_spec("optuna") is None:
        raise ValueError(
            'A local sweep needs the package `optuna`, found none: pip install "vtagml[sweep]".'
        )
    from vtagml.sweep import read_sweep, search

    console = get_console()
    sweep = read_sweep(options.file)
    _check(sweep, overrides)
    out = options.out or Path("runs") / "sweeps" / options.file.stem

    def said(line: str) -> None:
        console.print(line, soft_wrap=True, markup=False, highlight=False)

    with run_lock(out):
        try:
            with terminated_as_interrupted():
                search(sweep, out, options.trials, overrides, said)
        except KeyboardInterrupt:
            _leave(sweep, out)
            said("Stopped. The same command goes on from here.")
            raise SystemExit(130) from None
        if failed := _leave(sweep, out):
            said(f"Failed: {', '.join(failed)}. The same command tries these trials again.")
            raise SystemExit(1)


def _options(words: Sequence[str]) -> tuple[Namespace, list[str]]:
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--local", type=Path, dest="file")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--out", type=Path)
    options, rest = parser.parse_known_args(words)
    if options.file is None:
        raise ValueError(
            "`--local FILE` must name a sweep, found no `--local`. With W&B's server it is `wandb "
            "sweep FILE`, and `wandb agent` with the id that this prints."
        )
    if options.trials is not None and options.trials < 1:
        raise ValueError(f"`--trials` must be at least 1, found {options.trials}.")
    if rest and not rest[0].startswith("--"):
        raise ValueError(
            f"`{rest[0]}` is no option of `sweep`: `lightning sweep --help` names them, and keys "
            "of the config are `--KEY VALUE`."
        )
    return options, rest


def _check(sweep: Any, overrides: Sequence[str]) -> None:
    """Reads the config with every listed value once, before hours go into the first trial."""
    from vtagml.sweep import lightning_words

    for word in overrides:
        key = word.removeprefix("--").partition("=")[0]
        if key in sweep.parameters or word.startswith(OWN):
            raise ValueError(
                f"`--{key}` is set by the sweep itself, found it on the command line, too: leave "
                "it out there, or in the file."
            )
    samples = {key: each.samples for key, each in sweep.parameters.items()}
    first = {key: values[0] for key, values in samples.items()}
    others = (first | {key: value} for key, values in samples.items() for value in values[1:])
    for values in itertools.chain([first], others):
        config = config_of([*lightning_words(sweep.command, values)[1:], *overrides])
        _check_log(config.trainer.logger)
        check_validates(config, f"`metric.name` {sweep.metric!r}")
        known = _metrics(config)
        if known and sweep.metric not in known:
            raise ValueError(
                f"`metric.name` must be a metric of the experiment's tasks, found "
                f"{sweep.metric!r}, expected one of {', '.join(known)}."
            )


def _check_log(given: Any) -> None:
    """Refuses trials without a CSV log, from which the sweep learns what became of them."""
    loggers = given if isinstance(given, list) else [given]
    kinds = [str(getattr(each, "class_path", each)) for each in loggers]
    # Without a word on it, or with yes, a run logs CSV and TensorBoard.
    if any(kind in ("None", "True") or kind.rpartition(".")[2] in CSVS for kind in kinds):
        return
    raise ValueError(
        f"`trainer.logger` must have one for CSV, which the sweep reads, found {', '.join(kinds)}: "
        "`--trainer.logger=true`, or `--config experiments/loggers/csv.yaml` in the command."
    )


def _metrics(config: Any) -> list[str]:
    """What a validation logs; nothing if the model does not say its tasks in the usual way."""
    tasks = config.model.get("init_args.tasks")
    if tasks is None:
        return []
    found: list[Task] = built(list[Task], tasks)
    return [f"val/{task.name}/{key}" for task in found for key in task.metrics()]


def _leave(sweep: Any, out: Path) -> list[str]:
    """Prints the trials so far and the best command, and writes them with their pictures.

    Returns:
        The trials that failed and will be tried again.
    """
    from vtagml.sweep import (
        best_command,
        best_of,
        known_trials,
        sweep_figures,
        terminal_table,
        trials_csv,
        trials_of,
    )

    console = get_console()
    trials = trials_of(known_trials(out), sweep)
    if not trials:
        return []
    files = {"trials.csv": trials_csv(trials, sweep)}
    best = best_of(trials)
    console.print(terminal_table(trials, sweep))
    if best is not None:
        command = best_command(best)
        files["best.txt"] = f"{command}\n".encode()
        console.print(f"Best:\n{command}", soft_wrap=True, markup=False, highlight=False)
    for name, figure in sweep_figures(trials, sweep).items():
        files[f"{name}.png"] = to_png(figure)
    for name, content in files.items():
        write_whole(out / name, content)
    written = ", ".join(files)
    console.print(f"In `{out}`: {written}, trials.", soft_wrap=True, markup=False)
    return [trial.name for trial in trials if trial.tried_again]
