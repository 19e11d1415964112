"""`sweep`: values of a config's keys tried out, without a server."""

from vtagml.commands.command import File, Folder, Key


def sweep(
    *keys: Key,
    local: File | None = None,
    trials: int | None = None,
    processes: int = 1,
    out: Folder | None = None,
) -> None:
    """Tries values of a config's keys, by grid or search, and draws what they do.

    The file is a sweep in W&B's format, of which `method` may be grid, random or bayes (TPE), and
    `early_terminate` hyperband. Every trial is `lightning fit` in a process of its own. The same
    command goes on after Ctrl-C, and after a kill, and tries trials that failed again; the exit
    status is 1 while there are any. What a trial logs at W&B stays in its run folder, unless
    WANDB_MODE=online.

    With W&B's server: `wandb sweep FILE`, then `wandb agent` with the id that it prints. Run
    folders are then runs/sweeps/<id of the sweep>/<id of the run>.

    Args:
        local: A sweep: experiments/sweeps/troa.yaml, learning_rate, blocks, loss_weights.
        trials: How many there shall be in all; a grid is tried whole by default.
        processes: How many run at once, by default 1, as in a benchmark.
        out: By default runs/sweeps/<name of the file>; has the trials' run folders, a table
            (trials.csv), the best command (best.txt) and pictures.

    Example:
        lightning sweep --local experiments/sweeps/troa.yaml
    """
    from vtagml.commands.trials import run_trials

    if local is None:
        raise ValueError(
            "`--local FILE` must name a sweep, found no `--local`. With W&B's server it is `wandb "
            "sweep FILE`, and `wandb agent` with the id that this prints."
        )
    for name, count in (("trials", trials), ("processes", processes)):
        if count is not None and count < 1:
            raise ValueError(f"`--{name}` must be at least 1, found {count}.")
    if keys and not keys[0].startswith("--"):
        raise ValueError(
            f"`{keys[0]}` is no option of `sweep`: `lightning sweep --help` names them, and keys "
            "of the config are `--KEY VALUE`."
        )
    run_trials(local, trials, processes, out, keys)
