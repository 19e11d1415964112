"""How arms of an experiment differ from one of them, run by run: of the same draw and seed.

    python -m tests.benchmarks.paired runs/affinities core_identity core_oracle core_renamed \\
      --tasks base copy=2.25 share90 share75 share50 share25

An arm is the runs below the folders that have its name, alone or before the number of a draw. The
numbers are differences of headline metrics, those of a task over its scale, and of their mean; the
interval is Student's, of 95 % of the differences' mean.
"""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scipy.stats import t

from vtagml.report import Spread
from vtagml.report.finding import find_runs
from vtagml.report.formats import Sheet, markdown

MEAN = "mean"
Pair = tuple[object, ...]
"""What two runs must have in common to be compared: the draw of the data, and the seeds."""


class Difference(NamedTuple):
    """Of an arm to the reference.

    Attributes:
        mean: Over pairs of runs.
        interval: Half of its width; None for a single pair.
        pairs: How many.
    """

    mean: float
    interval: float | None
    pairs: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Difference":
        spread, count = Spread.of(values), len(values)
        if spread.deviation is None:
            return cls(spread.mean, None, count)
        width = float(t.ppf(0.975, count - 1)) * spread.deviation / math.sqrt(count)
        return cls(spread.mean, width, count)

    def __str__(self) -> str:
        around = "" if self.interval is None else f" ± {self.interval:.4f}"
        return f"{self.mean:+.4f}{around}".replace("-", "−")


def arm(folder: Path, name: str, scales: Mapping[str, float]) -> dict[Pair, dict[str, float]]:
    """The numbers of an arm's runs by what pairs them: those of the tasks, and their mean."""
    places = [place for place in folder.iterdir() if _is_of(place.name, name)]
    if not places:
        raise ValueError(f"`{name}` must be an arm, found no folder of that name in `{folder}`.")
    runs, left_out = find_runs(places)
    if left_out:
        raise ValueError(f"Runs of `{name}` must be finished, but {left_out[0]}")
    found = {}
    for run in runs:
        _, settings = run.dataset
        numbers = {task: run.value(task) / scale for task, scale in scales.items()}
        mean = math.fsum(numbers.values()) / len(numbers)
        found[settings.get("scene_seed"), *run.seeds] = {**numbers, MEAN: mean}
    return found


def differences(
    arm: Mapping[Pair, Mapping[str, float]], reference: Mapping[Pair, Mapping[str, float]]
) -> dict[str, Difference]:
    """By task, over the pairs that both have."""
    common = [pair for pair in arm if pair in reference]
    if not common:
        raise ValueError("Arms must have a draw and a seed in common, found none.")
    return {
        task: Difference.of([arm[pair][task] - reference[pair][task] for pair in common])
        for task in arm[common[0]]
    }


def _is_of(folder: str, name: str) -> bool:
    behind = folder.removeprefix(name)
    return folder == name or (behind != folder and behind[0] == "_" and behind[1:].isdigit())


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("reference")
    parser.add_argument("arms", nargs="+")
    parser.add_argument("--tasks", nargs="+", required=True, help="NAME, or NAME=SCALE")
    given = parser.parse_args(args)
    words = (word.partition("=") for word in given.tasks)
    scales = {task: float(scale or 1) for task, _, scale in words}
    reference = arm(given.folder, given.reference, scales)
    rows = []
    for name in given.arms:
        found = differences(arm(given.folder, name, scales), reference)
        rows.append((name, str(found[MEAN].pairs), *(str(found[task]) for task in (MEAN, *scales))))
    sheet = Sheet((f"less {given.reference}", "pairs", MEAN, *scales), tuple(rows))
    sys.stdout.write(markdown(sheet) + "\n")


if __name__ == "__main__":
    main()
