"""`scenes`: a stand-in for a dataset, drawn in its exact layout."""

import shlex
import sys
import time
from typing import Any, Literal

from vtagml.commands.command import Folder

SMALL_BATCH = 8
"""The batch size of `experiments/small.yaml`, which needs as many training scenes."""


def scenes(
    *,
    as_: str,
    out: Folder,
    count: int,
    form: str | None = None,
    size: tuple[int, int] | None = None,
    look: Literal["day", "dusk"] = "day",
    seed: int = 0,
    overwrite: bool = False,
    processes: int | None = None,
) -> None:
    """Writes drawn scenes in a dataset's own layout, to try everything without the data.

    A run that was stopped goes on when the same command is given again.

    Args:
        as_: The dataset: aircraft, cityscapes, cub, flowers, folders, nyudv2, pascal_context,
            stanford_cars, synthia, taskonomy, vkitti2, vtab1k.
        out: Its folder; new or empty.
        count: Training scenes; val and test get a quarter each.
        form: Its form on disk where it has several; a wrong one lists them.
        size: By default the dataset's.
        look: Light and colours of scenes; by default day.
        seed: Of the scenes; by default 0.
        overwrite: Replace scenes of other settings in FOLDER.
        processes: How many draw at once; by default one per core, 0 for this process.

    Example:
        lightning scenes --as cityscapes --out data/cityscapes --count 20
    """
    from datamodules.writing.plan import make_plan, read_plan

    plan = make_plan(as_, out=out, count=count, form=form, size=size, seed=seed, look=look)
    plan.check_folder(overwrite)
    replaced = overwrite and (earlier := read_plan(plan.out)) and earlier.settings != plan.settings
    missing = plan.files if replaced else plan.missing
    sys.stdout.write(_announcement(plan, len(missing)))
    start = time.monotonic()
    plan.write(overwrite, processes)
    sys.stdout.write(_conclusion(plan, time.monotonic() - start))


def _announcement(plan: Any, missing: int) -> str:
    height, width = plan.size
    counts = plan.layout.counts(plan.count)
    scenes = ", ".join(f"{count} {split}" for split, count in counts.items())
    kept = len(plan.files) - missing
    already = f" ({kept} more are there already)" if kept else ""
    return (
        f"{plan.layout.word} ({plan.layout.form}): {scenes} scenes of {height} x {width} pixels."
        f" {missing} files to write in {plan.out}{already}.\n"
    )


def _conclusion(plan: Any, seconds: float) -> str:
    written = f"Written in {seconds:.0f} s. "
    config = f"lightning fit --config experiments/{plan.layout.config}.yaml"
    if not plan.layout.alone:
        return (
            f"{written}{plan.layout.config}.yaml reads it with other sets, each from the `root`"
            " that it names; at small size:\n"
            f"  {config} --config experiments/small_classes.yaml\n"
        )
    out = shlex.quote(str(plan.out))
    batch = f" --data.batch_size {plan.count}" if plan.count < SMALL_BATCH else ""
    return (
        f"{written}Train on it, at small size:\n"
        f"  {config} --config experiments/small.yaml --data.root {out}{batch}\n"
    )
