"""How arms of an experiment differ from one of them, run by run: of the same draw and seed.

    python -m tests.benchmarks.paired runs/affinities core_identity core_oracle core_renamed \\
      --tasks base copy=2.25 share90 share75 share50 share25

An arm is the runs below the folders that have its name, alone or before the number of a draw. The
numbers are differences of headline metrics, those of a task over its scale, and of their mean.
Runs that differ in their seeds alone share images and errors: their differences are averaged, and
Student's interval, of 95 %, is over draws; where there is one draw, over seeds, for that draw.
"""

import argparse
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scipy.stats import t

from vtagml.report import Spread
from vtagml.report.finding import find_runs
from vtagml.report.formats import Sheet, markdown

MEAN = "mean"
Pair = tuple[object, tuple[int | None, int | None]]
"""What two runs must have in common to be compared: the draw of the data, and the seeds."""


class Difference(NamedTuple):
    """Of an arm to the reference.

    Attributes:
        mean: Over draws, or over the seeds of one.
        interval: Half of its width; None for a single number.
        count: Of what it is the mean.
    """

    mean: float
    interval: float | None
    count: int

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
        raise ValueError(f"All runs of `{name}` must be of use, but {left_out[0]}")
    found: dict[Pair, dict[str, float]] = {}
    for run in runs:
        if unknown := [task for task in scales if task not in run.tasks]:
            raise ValueError(
                f"`--tasks` must be of {run.tasks} of `{run.folder}`, found {unknown}."
            )
        pair = (run.dataset[1].get("scene_seed"), run.seeds)
        if pair in found:
            raise ValueError(
                f"`{name}` must have one run of each draw and seed, found two of {pair}."
            )
        numbers = {task: run.value(task) / scale for task, scale in scales.items()}
        found[pair] = {**numbers, MEAN: math.fsum(numbers.values()) / len(numbers)}
    return found


def differences(
    arm: Mapping[Pair, Mapping[str, float]], reference: Mapping[Pair, Mapping[str, float]]
) -> dict[str, Difference]:
    """By task, over the draws and seeds that both have."""
    common = [pair for pair in arm if pair in reference]
    if not common:
        raise ValueError("Arms must have a draw and a seed in common, found none.")
    return {
        task: Difference.of(_independent({p: arm[p][task] - reference[p][task] for p in common}))
        for task in arm[common[0]]
    }


def _independent(found: Mapping[Pair, float]) -> list[float]:
    """The means over the seeds of each draw; of a single draw its seeds."""
    draws: dict[object, list[float]] = {}
    for (draw, _), value in found.items():
        draws.setdefault(draw, []).append(value)
    if len(draws) == 1:
        return [*found.values()]
    return [math.fsum(own) / len(own) for own in draws.values()]


def _is_of(folder: str, name: str) -> bool:
    return re.fullmatch(rf"{re.escape(name)}(_\d+)?", folder) is not None


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
        rows.append((name, str(found[MEAN].count), *(str(found[task]) for task in (MEAN, *scales))))
    sheet = Sheet((f"less {given.reference}", "of", MEAN, *scales), tuple(rows))
    sys.stdout.write(markdown(sheet) + "\n")


if __name__ == "__main__":
    main()
