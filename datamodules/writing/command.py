"""The command `lightning scenes`: a stand-in for a dataset, drawn in its exact layout."""

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from datamodules.rendering import LOOKS
from datamodules.writing.plan import Plan, make_plan
from datamodules.writing.stand_ins import stand_ins

SMALL_BATCH = 8
"""The batch size of `experiments/small.yaml`, which needs as many training scenes."""

EXAMPLES = """\
examples:
  lightning scenes --as cityscapes --out data/cityscapes --count 20
  lightning scenes --as cityscapes --out data/cityscapes --count 200 --size 256 512
  lightning scenes --as nyudv2 --form png --out data/nyudv2 --count 100
  lightning scenes --as synthia --out data/synthia_dusk --count 200 --look dusk

A run that was stopped goes on when the same command is given again.
"""


def main(arguments: Sequence[str]) -> None:
    """Runs the command.

    Args:
        arguments: The words after `lightning scenes`.

    Raises:
        ValueError: A setting is wrong, or the folder holds something else.
    """
    options = _parser().parse_args(arguments)
    words = vars(options)
    overwrite, processes = words.pop("overwrite"), words.pop("processes")
    plan = make_plan(words.pop("as"), **words)
    plan.check_folder(overwrite)
    replaced = overwrite and (earlier := plan.earlier()) and earlier.settings != plan.settings
    missing = plan.files if replaced else plan.missing
    sys.stdout.write(_announcement(plan, len(missing)))
    start = time.monotonic()
    plan.write(overwrite, processes)
    sys.stdout.write(_conclusion(plan, time.monotonic() - start))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lightning scenes",
        description="Writes procedural scenes in the exact layout of a dataset.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    forms = "; ".join(
        f"{word}: {', '.join(layout.form for layout in layouts)}"
        for word, layouts in stand_ins().items()
    )
    parser.add_argument("--as", required=True, choices=list(stand_ins()), help="the dataset")
    parser.add_argument("--out", required=True, type=Path, help="its folder; new or empty")
    parser.add_argument(
        "--count", required=True, type=int, help="training scenes; val and test get a quarter each"
    )
    parser.add_argument("--form", help=f"its form on disk, by default the first ({forms})")
    parser.add_argument(
        "--size", nargs=2, type=int, metavar=("HEIGHT", "WIDTH"), help="default: the dataset's"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the scenes; default 0")
    parser.add_argument("--look", default="day", choices=list(LOOKS), help="default: day")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace scenes with other settings in --out"
    )
    parser.add_argument("--processes", type=int, help="default: one per core; 0: this one only")
    return parser


def _announcement(plan: Plan, missing: int) -> str:
    height, width = plan.size
    counts = plan.layout.counts(plan.count)
    scenes = ", ".join(f"{count} {split}" for split, count in counts.items())
    kept = len(plan.files) - missing
    already = f" ({kept} more are there already)" if kept else ""
    return (
        f"{plan.layout.word} ({plan.layout.form}): {scenes} scenes of {height} x {width} pixels."
        f" {missing} files to write in {plan.out}{already}.\n"
    )


def _conclusion(plan: Plan, seconds: float) -> str:
    out = shlex.quote(str(plan.out))
    batch = f" --data.batch_size {plan.count}" if plan.count < SMALL_BATCH else ""
    return (
        f"Written in {seconds:.0f} s. Train on it, at small size:\n"
        f"  lightning fit --config experiments/{plan.layout.config}.yaml"
        f" --config experiments/small.yaml --data.root {out}{batch}\n"
    )
