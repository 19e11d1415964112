"""`benchmark`: a plan's runs, each as an ordinary command, and their tables."""

from pathlib import Path
from typing import Annotated

from vtagml.commands.command import Folder


def benchmark(
    plan: Annotated[Path, "PLAN"],
    *,
    out: Folder | None = None,
    only: tuple[str, ...] = (),
    processes: int = 1,
    dry_run: bool = False,
    table_only: bool = False,
) -> None:
    """Runs a plan of methods × settings × seeds; skips and resumes; one table per setting.

    Runs what is missing, each run as an ordinary command with a folder of its own, and writes
    table.md. A finished run is skipped, one that was broken off goes on, one that
    failed is named with the end of its log, one that was made otherwise than the plan says, or from
    another version of its source, is left alone. Every row's keys are checked first. Ctrl-C stops
    what is at work with a checkpoint; the same command goes on.

    Args:
        plan: YAML, settings with rows (methods), and seeds; see experiments/benchmarks/.
        out: Runs go to FOLDER/ROW/SEED, logs beside them; by default where the plan says.
        only: Some rows or settings, with the rows they start from.
        processes: How many run at once, by default 1. They share the cores, and the GPUs where
            there are any: of 4 GPUs each of 2 runs sees 2, each of 8 runs sees one.
        dry_run: Prints the commands that are left.
        table_only: Writes the tables of what is finished.

    Example:
        lightning benchmark experiments/benchmarks/scenes_cpu.yaml
    """
    from vtagml.commands.planned_runs import PlannedRuns

    if processes < 1:
        raise ValueError(
            f"`--processes` must be 1 or more, found {processes}: it is how many runs are at work "
            "at once."
        )
    runs = PlannedRuns(plan, out, only)
    if table_only:
        runs.write_tables()
    elif dry_run:
        runs.say_commands()
    else:
        runs.run(processes)
